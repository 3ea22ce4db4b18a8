"""The digests of a directory's files, remembered between builds: what did not change isn't read again."""

from __future__ import annotations

import os

import msgspec

__all__ = ["Hashes"]

_Known = dict[str, tuple[int, int, int, int, bytes]]  # size, mtime, ctime (ns), inode, SHA-256


class Hashes:
    """One file of remembered digests. A damaged or missing one remembers nothing."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._changed = False
        self._known: _Known = {}
        try:
            with open(path, "rb") as file:
                self._known = msgspec.msgpack.decode(file.read(), type=_Known)
        except (OSError, msgspec.MsgspecError):
            pass

    def get(self, path: str, status: os.stat_result) -> bytes | None:
        """The digest, if the file is the one that was read: same inode, size and times."""
        known = self._known.get(path)
        if known is not None and known[:4] == _mark(status):
            return known[4]
        return None

    def put(self, path: str, status: os.stat_result, digest: bytes) -> None:
        """Remember a digest."""
        self._known[path] = (*_mark(status), digest)
        self._changed = True

    def save(self) -> None:
        """Write what was learned; on a full disk nothing is remembered."""
        if not self._changed:
            return
        temporary = f"{self._path}.{os.getpid()}"
        try:
            os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
            with open(temporary, "wb") as file:
                file.write(msgspec.msgpack.encode(self._known))
            os.replace(temporary, self._path)
            self._changed = False
        except OSError:
            pass


def _mark(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino
