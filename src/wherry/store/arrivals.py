"""What has come of large blobs whose way was cut off: `blobs/partial/<algorithm>-<hex>`, for another try.

Such a file is written beside the unpacking, without waiting for the disk, and says nothing about its bytes:
who goes on from it hashes them with the rest. It is removed with the blob's arrival, a day after the last
byte, or by a prune.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterable, Iterator

from wherry.oci.digest import check_digest

__all__ = ["Arrival", "Arrivals"]

DAY = 86_400.0
_CHUNK = 1 << 20
_BLOCK = 512  # the unit of st_blocks


class Arrivals:
    """All that are kept in a directory. Thread-safe, and safe beside other processes."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        os.makedirs(directory, mode=0o700, exist_ok=True)

    def open(self, digest: str) -> Arrival | None:
        """What there is of a blob, maybe nothing yet; None when another reader has it or the disk refuses."""
        path = os.path.join(self._directory, check_digest(digest).replace(":", "-"))
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError:
            return None
        if not _mine(descriptor):
            os.close(descriptor)
            return None
        return Arrival(path, descriptor)

    def usage(self) -> int:
        """Bytes on disk."""
        return sum(status.st_blocks * _BLOCK for _, status in self._files())

    def clear(self, *, older: float = 0.0) -> int:
        """Remove those that nobody uses and that have not grown for `older` seconds; the bytes freed."""
        freed = 0
        for path, status in self._files():
            if status.st_mtime > time.time() - older:
                continue
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            try:
                if _mine(descriptor):
                    os.unlink(path)
                    freed += status.st_blocks * _BLOCK
            finally:
                os.close(descriptor)
        return freed

    def _files(self) -> Iterator[tuple[str, os.stat_result]]:
        for name in os.listdir(self._directory):
            path = os.path.join(self._directory, name)
            if not name.endswith(".tmp"):
                try:
                    yield path, os.stat(path)
                except FileNotFoundError:
                    continue


class Arrival:
    """One blob on its way. `offset` is how many of its bytes were here already."""

    def __init__(self, path: str, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self._lock = threading.Lock()
        self.offset = self._size = os.fstat(descriptor).st_size

    def chunks(self) -> Iterator[bytes]:
        """The bytes that were here. Blocks."""
        for start in range(0, self.offset, _CHUNK):
            with self._lock:
                if self._descriptor < 0:
                    return
                chunk = os.pread(self._descriptor, min(_CHUNK, self.offset - start), start)
            yield chunk

    def copying(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The whole blob's bytes passed on, those that are new written too. When the disk takes no more, the
        blob is not kept; that is no failure."""
        seen = 0
        for chunk in chunks:
            seen += len(chunk)
            with self._lock:
                if seen > self._size and self._descriptor >= 0:
                    try:
                        self._write(memoryview(chunk)[max(0, len(chunk) - (seen - self._size)) :])
                    except OSError:
                        os.ftruncate(self._descriptor, 0)
                        self._close(keep=False)
            yield chunk

    def _write(self, data: memoryview) -> None:
        while data:
            written = os.write(self._descriptor, data)
            self._size += written
            data = data[written:]

    def close(self, *, keep: bool) -> None:
        """Let go of it, also while `copying` runs elsewhere. Repeatable."""
        with self._lock:
            self._close(keep=keep and self._size > 0)

    def _close(self, *, keep: bool) -> None:
        if self._descriptor < 0:
            return
        if not keep:
            os.unlink(self._path)
        os.close(self._descriptor)
        self._descriptor = -1


def _mine(descriptor: int) -> bool:
    """Lock a file; False when someone else has it, or when it was removed before we had it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.fstat(descriptor).st_nlink > 0
