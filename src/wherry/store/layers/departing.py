"""Layers on their way out: renamed out of sight at once, their files removed by a thread.

Tens of thousands of files take tens of seconds on a busy disk, and nobody should wait for that. What a crash
or the end of the process leaves of them is found by its name, and goes on being removed at the next start.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterable

from wherry.store.removal import Interrupted, remove_tree
from wherry.store.usage import allocated

__all__ = ["MARK", "Departing"]

MARK = ".trash-"
SCARCE = 2 << 30
"""Bytes free on the disk below which a new layer had better wait for what is on its way out."""


class Departing:
    """One for a directory of layers. Thread-safe."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._waiting: deque[str] = deque()
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closing = False

    def rename(self, name: str) -> str:
        """Take a directory of the root out of sight; its new name, for `remove`. Raises OSError."""
        gone = MARK + os.urandom(8).hex()
        os.rename(os.path.join(self._root, name), os.path.join(self._root, gone))
        return gone

    def remove(self, names: Iterable[str]) -> None:
        """Have these directories removed, which `rename` named. Returns at once."""
        with self._change:
            self._waiting.extend(names)
            if self._waiting and self._thread is None and not self._closing:
                self._thread = threading.Thread(target=self._work, name="layer-removal", daemon=True)
                self._thread.start()

    def usage(self) -> int:
        """Bytes on disk that are not free yet."""
        with self._change:
            waiting = list(self._waiting)
        return sum(allocated(os.path.join(self._root, name)) for name in waiting)

    def settle(self) -> None:
        """Wait until all of it is gone."""
        with self._change:
            self._change.wait_for(lambda: self._thread is None)

    def make_room(self) -> None:
        """Wait for that too, if the disk is nearly full."""
        if self._thread is not None:
            disk = os.statvfs(self._root)
            if disk.f_bavail * disk.f_frsize < SCARCE:
                self.settle()

    def close(self) -> None:
        """Stop. What is left goes at the next start."""
        with self._change:
            self._closing = True
        self.settle()

    def _work(self) -> None:
        while True:
            with self._change:
                if not self._waiting or self._closing:
                    self._thread = None
                    self._change.notify_all()
                    return
                name = self._waiting[0]
            try:
                remove_tree(os.path.join(self._root, name), stop=self._is_closing)
            except (Interrupted, OSError):
                pass  # it keeps its name, and the next start tries again
            with self._change:
                self._waiting.popleft()

    def _is_closing(self) -> bool:
        return self._closing
