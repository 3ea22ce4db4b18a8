"""The directories of `RUN --mount=type=cache`: which there are, how large, when they were last used."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections import Counter
from typing import Final

from wherry.store.database import Database, Row
from wherry.store.usage import allocated

__all__ = ["CacheMounts"]

MIGRATIONS: Final = [
    """
    CREATE TABLE build_mounts (
        name   TEXT PRIMARY KEY,  -- of the directory
        target TEXT NOT NULL,     -- what a person calls it: its id, or where it was mounted first
        size   INTEGER NOT NULL,  -- bytes allocated when a step had last used it
        added  INTEGER NOT NULL,  -- ns since the epoch
        used   INTEGER NOT NULL,
        uses   INTEGER NOT NULL
    );
    """
]
_GONE = ".gone-"


class CacheMounts:
    """One per store. Who has one for himself is for the loop; the rest is thread-safe and blocks."""

    def __init__(self, database: Database, directory: str) -> None:
        database.migrate("build mounts", MIGRATIONS)
        self._held: dict[str, asyncio.Event] = {}
        self._database = database
        self._directory = directory
        self._users: Counter[str] = Counter()

    def path(self, name: str) -> str:
        """Where one is or will be."""
        return os.path.join(self._directory, name)

    def held(self, name: str) -> bool:
        """Whether some step has it for itself."""
        return name in self._held

    async def hold(self, name: str) -> None:
        """Have one for oneself until `free`, perhaps after others. Who needs several asks for them in the
        order of their names, or two could wait for each other."""
        while (other := self._held.get(name)) is not None:
            await other.wait()
        self._held[name] = asyncio.Event()

    def free(self, name: str) -> None:
        """The next one's turn."""
        self._held.pop(name).set()

    def taken(self, name: str, target: str) -> None:
        """A step is about to use it: it stays until `left`."""
        self._users[name] += 1
        now = time.time_ns()
        self._database.execute(
            "INSERT INTO build_mounts VALUES (?, ?, 0, ?, ?, 1)"
            " ON CONFLICT (name) DO UPDATE SET used = excluded.used, uses = uses + 1",
            *(name, target, now, now),
        )

    def left(self, name: str) -> None:
        """The step has ended."""
        self._users[name] -= 1
        self._database.execute(
            "UPDATE build_mounts SET size = ?, used = ? WHERE name = ?",
            *(allocated(self.path(name)), time.time_ns(), name),
        )

    def in_use(self, name: str) -> bool:
        """Whether some step has it now."""
        return self._users[name] > 0

    def rows(self) -> list[Row]:
        """All of them."""
        return self._database.all("SELECT * FROM build_mounts")

    def remove(self, name: str) -> bool:
        """Remove one with all that is in it; False when a step uses it."""
        if self.in_use(name):
            return False
        gone = self.path(f"{_GONE}{os.urandom(6).hex()}")
        try:
            os.rename(self.path(name), gone)
        except FileNotFoundError:
            pass
        self._database.execute("DELETE FROM build_mounts WHERE name = ?", name)
        shutil.rmtree(gone, ignore_errors=True)
        return True

    def mend(self) -> None:
        """After a crash: remove what has no row, and forget rows without a directory."""
        known = {row["name"] for row in self.rows()}
        present = set(os.listdir(self._directory)) if os.path.isdir(self._directory) else set()
        for name in present - known:
            shutil.rmtree(self.path(name), ignore_errors=True)
        for name in known - present:
            self._database.execute("DELETE FROM build_mounts WHERE name = ?", name)
