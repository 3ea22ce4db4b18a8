"""The cache of steps: what came of each, by a key of everything that it depends on.

A key is made of the layers below, the instruction as it is carried out, and the contents it uses: two
Dockerfiles that do the same share their steps, and nothing hangs on times of files or on who built. Results
are layers of the store, which this keeps until they are the least recently used ones beyond the limit.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

import msgspec

from wherry.build.cache_mounts import CacheMounts
from wherry.store import Store
from wherry.store.layers import Lease

__all__ = ["Cache", "CacheRow", "Cached", "Pruning", "make_key"]

MIGRATIONS: Final = [
    """
    CREATE TABLE build_cache (
        key     TEXT PRIMARY KEY,
        step    TEXT NOT NULL,     -- what a person calls it
        kind    TEXT NOT NULL,     -- as `docker system df -v` says: regular, source.local, …
        diff_id TEXT NOT NULL,     -- empty: nothing changed
        created TEXT NOT NULL,     -- RFC 3339
        added   INTEGER NOT NULL,  -- ns since the epoch
        used    INTEGER NOT NULL,
        uses    INTEGER NOT NULL,
        parent  TEXT NOT NULL      -- key of the layers below
    );
    CREATE TABLE build_slots (     -- what each step of each Dockerfile was when it was last built
        slot  TEXT PRIMARY KEY,
        key   TEXT NOT NULL,
        facts BLOB NOT NULL,       -- zlib of JSON
        used  INTEGER NOT NULL
    );
    """
]
_MOST_SLOTS = 2000
MOUNT: Final = "exec.cachemount"
DEFAULT_LIMIT = 20 << 30
"""Bytes that cached layers may take; `WHERRY_BUILD_CACHE` sets another limit."""


class Cached(NamedTuple):
    """`diff_id` is empty for a step that changed no files."""

    diff_id: str
    created: str


class CacheRow(NamedTuple):
    """One entry, for `builder du`. Bytes; moments in ns since the epoch. `shared`: an image has its layer."""

    key: str
    step: str
    kind: str
    size: int
    added: int
    used: int
    uses: int
    parent: str
    shared: bool
    in_use: bool = False
    """Some step has this cache mount now."""


class Pruning(NamedTuple):
    """What to remove. `everything`: also steps whose layers an image has (which frees nothing yet). Of what
    `fits`, the least recently used goes first, until at most `most` bytes are left, and `free` bytes of the
    disk are free; never below `reserved`. All 0: all of it."""

    everything: bool = False
    reserved: int = 0
    most: int = 0
    free: int = 0
    fits: Callable[[CacheRow], bool] | None = None

    @property
    def whole(self) -> bool:
        """Whether nothing is to be left."""
        return self.everything and self.fits is None and not (self.reserved or self.most or self.free)

    def keep(self, total: int, free: int) -> int:
        """How many of `total` bytes may stay when `free` are free on the disk."""
        keep = self.most
        if not (self.reserved or self.most or self.free):
            return -1
        if self.free > free:
            missing = total - (self.free - free)
            keep = min(keep, missing) if keep else missing
        elif self.free and not self.most:
            keep = total
        return max(keep, self.reserved)


class Cache:
    """One per store. Queries are short; `once` is for the loop, the rest thread-safe."""

    def __init__(self, store: Store, directory: str) -> None:
        """`directory` is that of cache mounts."""
        store.database.migrate("build", MIGRATIONS)
        self.mounts = CacheMounts(store.database, directory)
        self._store = store
        self._database = store.database
        self._locks: dict[str, tuple[asyncio.Lock, list[None]]] = {}

    @asynccontextmanager
    async def once(self, key: str) -> AsyncIterator[None]:
        """Only one build at a time works on `key`: the others wait and then find it."""
        lock, waiters = self._locks.setdefault(key, (asyncio.Lock(), []))
        waiters.append(None)
        try:
            async with lock:
                yield
        finally:
            waiters.pop()
            if not waiters:
                self._locks.pop(key, None)

    def get(self, key: str, lease: Lease) -> Cached | None:
        """What came of a step; its layer is held by `lease` then. None when it isn't here (any more)."""
        row = self._database.one("SELECT diff_id, created FROM build_cache WHERE key = ?", key)
        if row is None:
            return None
        if row["diff_id"] and not lease.take(row["diff_id"]):
            self._database.execute("DELETE FROM build_cache WHERE key = ?", key)
            return None
        self._database.execute(
            "UPDATE build_cache SET used = ?, uses = uses + 1 WHERE key = ?", time.time_ns(), key
        )
        return Cached(row["diff_id"], row["created"])

    def put(self, key: str, result: Cached, *, step: str, kind: str = "regular", parent: str = "") -> None:
        """Remember what came of a step. Repeatable; the newest result counts."""
        now = time.time_ns()
        with self._database.transaction():
            self._store.layers.unkeep(_keeper(key))
            if result.diff_id:
                self._store.layers.keep(_keeper(key), result.diff_id)
            self._database.execute(
                "INSERT OR REPLACE INTO build_cache VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                key,
                step[:500],
                kind,
                result.diff_id,
                result.created,
                now,
                now,
                0,
                parent,
            )

    def rows(self) -> list[CacheRow]:
        """All entries, the most recently used first."""
        rows = self._database.all(
            "SELECT c.*, coalesce(l.size, 0) AS size,"
            " EXISTS (SELECT 1 FROM image_layers i WHERE i.diff_id = c.diff_id) AS shared"
            " FROM build_cache c LEFT JOIN layers l USING (diff_id)"
        )
        found = [
            CacheRow(
                row["key"],
                row["step"],
                row["kind"],
                row["size"],
                row["added"],
                row["used"],
                row["uses"],
                row["parent"],
                bool(row["shared"]),
            )
            for row in rows
        ]
        for row in self.mounts.rows():
            name = row["name"]
            step = f"cache mount {row['target']}"
            times = row["added"], row["used"], row["uses"]
            found.append(
                CacheRow(name, step, MOUNT, row["size"], *times, "", False, self.mounts.in_use(name))
            )
        return sorted(found, key=lambda one: one.used, reverse=True)

    def prune(self, chosen: Pruning) -> tuple[list[str], int]:
        """Remove entries; (keys, bytes freed)."""
        rows = self.rows()
        total = sum(row.size for row in rows if not row.shared)
        disk = os.statvfs(self._store.state_dir)
        keep = chosen.keep(total, disk.f_bavail * disk.f_frsize)
        gone: list[str] = []
        freed = 0
        for row in reversed(rows):
            if total <= keep:
                break
            if row.in_use or (row.shared and not chosen.everything):
                continue
            if chosen.fits is not None and not chosen.fits(row):
                continue
            if row.kind == MOUNT:
                if not self.mounts.remove(row.key):
                    continue
            else:
                self._forget(row.key)
            gone.append(row.key)
            if not row.shared:
                total -= row.size
                freed += row.size
        self._store.layers.collect()
        return gone, freed

    def limit(self) -> None:
        """Hold the size limit."""
        limit = int(os.environ.get("WHERRY_BUILD_CACHE", "") or DEFAULT_LIMIT)
        if sum(row.size for row in self.rows() if not row.shared) > limit:
            self.prune(Pruning(most=max(limit, 1)))

    def last_facts(self, slot: str) -> dict[str, Any] | None:
        """What a step's key was made of when it was last built."""
        row = self._database.one("SELECT facts FROM build_slots WHERE slot = ?", slot)
        if row is None:
            return None
        found: dict[str, Any] = msgspec.json.decode(zlib.decompress(row["facts"]))
        return found

    def last_facts_key(self, slot: str) -> str:
        """The key that a step had when it was last built; empty when it was not."""
        row = self._database.one("SELECT key FROM build_slots WHERE slot = ?", slot)
        return str(row["key"]) if row else ""

    def keep_facts(self, slot: str, key: str, facts: dict[str, Any]) -> None:
        """Remember them; the oldest are forgotten."""
        data = zlib.compress(msgspec.json.encode(_readable(facts)), 1)
        self._database.execute(
            "INSERT OR REPLACE INTO build_slots VALUES (?, ?, ?, ?)", slot, key, data, time.time_ns()
        )
        self._database.execute(
            "DELETE FROM build_slots WHERE slot IN"
            " (SELECT slot FROM build_slots ORDER BY used DESC LIMIT -1 OFFSET ?)",
            _MOST_SLOTS,
        )

    def _forget(self, key: str) -> None:
        with self._database.transaction():
            self._database.execute("DELETE FROM build_cache WHERE key = ?", key)
            self._store.layers.unkeep(_keeper(key))


def make_key(*parts: object) -> str:
    """A digest of what a step depends on."""
    return hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()


def _keeper(key: str) -> str:
    return f"build:{key}"


def _readable(value: Any) -> Any:
    """With names that are no UTF-8 written as it can be stored."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_readable(name): _readable(one) for name, one in value.items()}
    return value
