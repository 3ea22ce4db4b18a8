"""Directories that are to go: out of sight at once by a rename, their files removed behind the scenes.

Removing a container's directory takes a millisecond a file system operation on a busy disk; nobody waits
for it. What a crash leaves in the trash is removed at the next start.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from wherry.store.removal import remove_tree

PAUSE = 0.05
"""Seconds in which further directories are gathered, so that one thread takes them all."""


class Trash:
    """One for a state directory, on its file system. Used from the engine's loop."""

    def __init__(self, directory: str, failed: Callable[[str, BaseException], None]) -> None:
        """`failed` is told of what can't be removed; it stays in the trash for the next start."""
        self._directory = directory
        self._failed = failed
        self._count = 0
        self._task: asyncio.Task[None] | None = None
        os.makedirs(directory, 0o700, exist_ok=True)
        if os.listdir(directory):
            self._schedule()

    def throw(self, path: str) -> None:
        """Take `path` out of sight; fine when it is not there. One rename. Raises OSError."""
        self._count += 1
        target = os.path.join(self._directory, f"{os.path.basename(path)}.{self._count}")
        try:
            os.rename(path, target)
        except FileNotFoundError:
            return
        self._schedule()

    async def settle(self) -> None:
        """Wait until the trash is empty."""
        while self._task is not None and not self._task.done():
            await self._task

    def _schedule(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._empty())

    async def _empty(self) -> None:
        refused: set[str] = set()
        while True:
            await asyncio.sleep(PAUSE)
            names = [name for name in os.listdir(self._directory) if name not in refused]
            if not names:
                return
            for name, error in await asyncio.to_thread(self._remove, names):
                refused.add(name)
                self._failed(f"removing {name}", error)

    def _remove(self, names: list[str]) -> list[tuple[str, OSError]]:
        failures = []
        for name in names:
            try:
                remove_tree(os.path.join(self._directory, name))
            except OSError as error:
                failures.append((name, error))
        return failures
