"""Volumes: directories that outlive their containers."""

from __future__ import annotations

import asyncio
import fnmatch
import os
from collections.abc import Callable, Sequence

import msgspec

from wherry.errors import Conflict, Invalid, NotFound
from wherry.linux import mounts
from wherry.store.database import Database

from . import volume_filesystems
from .diskusage import tree_size
from .events import Events
from .filters import Filters, check, flag, matches_labels
from .identity import new_id
from .models import Volume, VolumeCreate, VolumeList, VolumesPruned, VolumeUsage
from .moments import now, parse_moment, rfc3339
from .trash import Trash

ANONYMOUS = "com.docker.volume.anonymous"
_FIRST = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_REST = _FIRST | frozenset("_.-")

MIGRATIONS = (
    """
    CREATE TABLE volumes (
        name TEXT PRIMARY KEY,
        created INTEGER NOT NULL,
        driver TEXT NOT NULL,
        labels BLOB NOT NULL,
        options BLOB NOT NULL
    ) WITHOUT ROWID;
    """,
)


class StoredVolume(msgspec.Struct):
    """`created` in nanoseconds since 1970."""

    name: str
    created: int
    labels: dict[str, str] | None
    options: dict[str, str] | None
    fresh: bool = False
    """Made just now, by the caller who got it from `ensure`."""

    @property
    def anonymous(self) -> bool:
        """Whether nobody named it; such a one goes with its container on `rm -v` and `--rm`."""
        return ANONYMOUS in (self.labels or {})


class Volumes:
    """Named and anonymous volumes of the `local` driver.

    `users` gives the ids of the containers that refer to a volume by its name.
    """

    def __init__(
        self,
        directory: str,
        database: Database,
        events: Events,
        trash: Trash,
        *,
        users: Callable[[str], Sequence[str]],
    ) -> None:
        self._directory = directory
        self._database = database
        self._events = events
        self._trash = trash
        self._users = users
        self._known: dict[str, StoredVolume] = {}
        database.migrate("volumes", MIGRATIONS)
        for row in database.all("SELECT name, created, labels, options FROM volumes"):
            labels, options = msgspec.json.decode(row[2]), msgspec.json.decode(row[3])
            self._known[row[0]] = StoredVolume(row[0], row[1], labels, options)

    def path(self, name: str) -> str:
        """The directory that is mounted."""
        volume = self._known.get(name)
        options = volume.options if volume is not None else None
        if options and volume_filesystems.is_bind(options):
            return options["device"]
        return os.path.join(self._directory, name, "_data")

    def attach(self, name: str) -> None:
        """See to it that a volume which is a file system of its own is mounted at its directory.

        Made again if somebody removed it. Raises OSError, `Invalid` for options that the kernel refuses.
        """
        place = self.path(name)
        os.makedirs(place, 0o755, exist_ok=True)
        volume = self._known.get(name)
        options = volume.options if volume is not None else None
        if options and not volume_filesystems.is_bind(options) and not os.path.ismount(place):
            volume_filesystems.mount(name, place, options)

    def filesystem(self, name: str) -> str:
        """The type of the file system that a volume is, "" for a directory. Other than for `tmpfs`, `attach`
        waits for a disk or a server."""
        volume = self._known.get(name)
        options = volume.options if volume is not None else None
        return "" if not options or volume_filesystems.is_bind(options) else options["type"]

    def detach(self, name: str) -> None:
        """Unmount what `attach` mounted; to be called when nothing that runs uses it any more."""
        volume = self._known.get(name)
        options = volume.options if volume is not None else None
        if options and not volume_filesystems.is_bind(options) and os.path.ismount(self.path(name)):
            mounts.unmount(self.path(name))

    def ensure(
        self,
        name: str = "",
        *,
        driver: str = "",
        labels: dict[str, str] | None = None,
        options: dict[str, str] | None = None,
    ) -> StoredVolume:
        """The volume of this name, made if it is not there; no name makes an anonymous one.

        Two directories and one database write; `fresh` tells the two cases apart. Raises `Invalid`,
        `NotFound` (no such driver), `Conflict` (it exists with other options).
        """
        if driver not in ("", "local"):
            begin = f"create {name}: " if name else ""
            raise NotFound(f'{begin}error looking up volume plugin {driver}: plugin "{driver}" not found')
        known = self._known.get(name)
        if known is not None:
            if options and options != (known.options or {}):
                raise Conflict(f'volume "{name}" already exists with different options')
            known.fresh = False
            return known
        if name:
            if len(name) < 2:
                raise Invalid(
                    f"create {name}: volume name is too short, names should be at least two alphanumeric "
                    "characters"
                )
            if name[0] not in _FIRST or not _REST.issuperset(name):
                raise Invalid(
                    f'create {name}: "{name}" includes invalid characters for a local volume name, only '
                    '"[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, '
                    "use absolute path"
                )
        else:
            name, labels = new_id(), {ANONYMOUS: "", **(labels or {})}
        if options:
            volume_filesystems.check(name, options)
        volume = StoredVolume(name, now(), labels, options or None, fresh=True)
        os.makedirs(os.path.join(self._directory, name), 0o701, exist_ok=True)
        os.makedirs(os.path.join(self._directory, name, "_data"), 0o755, exist_ok=True)
        self._database.execute(
            "INSERT INTO volumes (name, created, driver, labels, options) VALUES (?, ?, 'local', ?, ?)",
            name,
            volume.created,
            msgspec.json.encode(labels),
            msgspec.json.encode(options),
        )
        self._known[name] = volume
        self._events.publish("volume", "create", name, {"driver": "local"})
        return volume

    def get(self, name: str) -> StoredVolume:
        """Raises `NotFound` ("get x: no such volume")."""
        try:
            return self._known[name]
        except KeyError:
            raise NotFound(f"get {name}: no such volume") from None

    async def create(self, request: VolumeCreate) -> Volume:
        """Make one, or return the one that has this name already. Raises as `ensure`."""
        volume = self.ensure(
            request.name, driver=request.driver, labels=request.labels, options=request.driver_opts
        )
        return self._shown(volume)

    async def list(self, filters: Filters | None = None) -> VolumeList:
        """Filters: name, driver, label, dangling."""
        filters = filters or {}
        check(filters, frozenset({"dangling", "driver", "label", "name"}))
        dangling = flag(filters, "dangling")
        found = []
        for volume in sorted(self._known.values(), key=lambda item: item.name):
            if dangling is not None and bool(self._users(volume.name)) == dangling:
                continue
            if (names := filters.get("name")) and not any(_matches(volume.name, name) for name in names):
                continue
            if (drivers := filters.get("driver")) and "local" not in drivers:
                continue
            if not matches_labels(volume.labels, filters.get("label", [])):
                continue
            found.append(self._shown(volume))
        return VolumeList(volumes=found)

    async def inspect(self, name: str) -> Volume:
        """Raises `NotFound` ("get x: no such volume")."""
        return self._shown(self.get(name))

    async def remove(self, name: str, *, force: bool = False) -> None:
        """Raises `Conflict` while a container refers to it, `NotFound` (not with `force`)."""
        if name not in self._known and force:
            return
        self.get(name)
        users = self._users(name)
        if users:
            raise Conflict(f"remove {name}: volume is in use - [{', '.join(users)}]")
        await self.discard(name)

    async def discard(self, name: str) -> None:
        """Remove one that is known to be unused: forgotten at once, its files behind the scenes."""
        if name not in self._known:
            return
        self.detach(name)
        del self._known[name]
        self._database.execute("DELETE FROM volumes WHERE name = ?", name)
        self._trash.throw(os.path.join(self._directory, name))
        self._events.publish("volume", "destroy", name, {"driver": "local"})

    async def prune(self, filters: Filters | None = None) -> VolumesPruned:
        """Remove unused anonymous volumes; with the filter `all=true` named ones too."""
        filters = filters or {}
        check(filters, frozenset({"all", "label", "label!", "until"}))
        named_too = flag(filters, "all") or False
        until = min((parse_moment(text) for text in filters.get("until", [])), default=None)
        removed: list[str] = []
        reclaimed = 0
        for volume in sorted(self._known.values(), key=lambda item: item.name):
            if self._users(volume.name) or not (named_too or volume.anonymous):
                continue
            if until is not None and volume.created > until * 1e9:
                continue
            if not matches_labels(volume.labels, filters.get("label", [])):
                continue
            if (without := filters.get("label!")) and matches_labels(volume.labels, without):
                continue
            reclaimed += await asyncio.to_thread(tree_size, os.path.join(self._directory, volume.name))
            await self.discard(volume.name)
            removed.append(volume.name)
        self._events.publish("volume", "prune", "", {"reclaimed": str(reclaimed)})
        return VolumesPruned(volumes_deleted=removed or None, space_reclaimed=reclaimed)

    async def with_sizes(self) -> Sequence[Volume]:
        """All of them with what they take on disk, measured now (in a thread)."""
        shown = []
        for volume in list(self._known.values()):
            item = self._shown(volume)
            size = await asyncio.to_thread(tree_size, os.path.join(self._directory, volume.name))
            item.usage_data = VolumeUsage(size=size, ref_count=len(self._users(volume.name)))
            shown.append(item)
        return shown

    def _shown(self, volume: StoredVolume) -> Volume:
        return Volume(
            created_at=rfc3339(volume.created - volume.created % 1_000_000_000),
            labels=volume.labels,
            mountpoint=os.path.join(self._directory, volume.name, "_data"),
            name=volume.name,
            options=volume.options,
        )


def _matches(name: str, wanted: str) -> bool:
    return wanted in name or fnmatch.fnmatchcase(name, wanted)
