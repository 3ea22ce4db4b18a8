"""Whether a layer would survive a power cut: the file `complete` in its directory.

It says `synced` once its filesystem was synced after the last write, before that the id of the boot that
wrote it: what a kernel that is still up has in memory is as good as on disk.
"""

from __future__ import annotations

import ctypes
import os
import threading
from queue import SimpleQueue

__all__ = ["Syncer", "is_synced", "is_trusted", "mark"]

_SYNCED = "synced"
# Not through wherry.linux: that holds the interpreter lock across a call, and this one takes seconds.
_libc = ctypes.CDLL(None, use_errno=True)


def mark(directory: str) -> None:
    """Say that the layer is whole, in this boot."""
    _write(directory, _boot_id())


def is_trusted(directory: str) -> bool:
    """Whether the layer is whole and what is on disk can be relied on."""
    return _read(directory) in (_SYNCED, _boot_id())


def is_synced(directory: str) -> bool:
    """Whether all of the layer is on the disk."""
    return _read(directory) == _SYNCED


class Syncer:
    """Has the filesystem synced behind the scenes, and layers marked so. One thread, started when needed."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._queue: SimpleQueue[str | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def request(self, directory: str) -> None:
        """Sync soon, then mark `directory`."""
        with self._lock:
            self._queue.put(directory)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="layer-sync", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Do what was requested, then end the thread."""
        with self._lock:
            thread, self._thread = self._thread, None
            if thread is not None:
                self._queue.put(None)
        if thread is not None:
            thread.join()

    def _work(self) -> None:
        while (directory := self._queue.get()) is not None:
            batch = [directory]
            ending = False
            while not self._queue.empty():
                following = self._queue.get()
                ending = ending or following is None
                if following is not None:
                    batch.append(following)
            if self._sync():
                for path in batch:
                    try:
                        _write(path, _SYNCED)
                    except OSError:
                        pass  # removed meanwhile, or the disk is full: it stays marked for this boot
            if ending:
                return

    def _sync(self) -> bool:
        fd = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            return bool(_libc.syncfs(fd) == 0)
        finally:
            os.close(fd)


def _read(directory: str) -> str:
    try:
        with open(os.path.join(directory, "complete"), encoding="ascii", errors="replace") as file:
            return file.read().strip()
    except FileNotFoundError:
        return ""


def _write(directory: str, text: str) -> None:
    path = os.path.join(directory, "complete")
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write(text + "\n")
    os.rename(path + ".new", path)


def _boot_id() -> str:
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()
