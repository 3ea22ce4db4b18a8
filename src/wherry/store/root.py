"""Reading below one directory that a container may be changing at the same moment.

Everything is opened by the kernel with that directory as its floor and without following any link
(`openat2`, RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS), so a container that swaps a directory for a link to
/etc while it is exported gets nothing of the machine (CVE-2018-15664). What vanishes meanwhile is left out.
"""

from __future__ import annotations

import errno
import os
from types import TracebackType

from wherry.linux import resolve
from wherry.store.layers.overlayform import is_opaque

__all__ = ["Root"]

_HOW = resolve.BENEATH | resolve.NO_SYMLINKS
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EXDEV, errno.ENAMETOOLONG)


class Root:
    """Holds one descriptor. Paths are relative, without `.` and `..`; empty means the directory itself."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self.fd)

    def __enter__(self) -> Root:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def members(self, path: str) -> tuple[dict[str, os.stat_result], bool]:
        """What is in a directory, and whether it is opaque; nothing when it is no directory (any more)."""
        fd = self.open(path, os.O_RDONLY | os.O_DIRECTORY)
        if fd is None:
            return {}, False
        try:
            found = {}
            for name in os.listdir(fd):
                try:
                    found[name] = os.stat(name, dir_fd=fd, follow_symlinks=False)
                except FileNotFoundError:
                    continue
            return found, is_opaque(fd)
        finally:
            os.close(fd)

    def status(self, path: str) -> os.stat_result | None:
        """What lstat says, or None when there is nothing or a link on the way."""
        fd = self.open(path, os.O_PATH)
        if fd is None:
            return None
        try:
            return os.fstat(fd)
        finally:
            os.close(fd)

    def open(self, path: str, flags: int) -> int | None:
        """A descriptor the caller closes, or None when there is nothing or a link on the way."""
        if not flags & os.O_PATH:
            flags |= os.O_NONBLOCK  # a FIFO may stand there by now
        try:
            return resolve.open_in(self.fd, path or ".", flags | os.O_NOFOLLOW, how=_HOW)
        except OSError as error:
            if error.errno in _GONE:
                return None
            raise

    def link(self, path: str) -> bytes | None:
        """Where a symbolic link leads, or None when it isn't one (any more)."""
        parent, _, name = path.rpartition("/")
        fd = self.open(parent, os.O_PATH | os.O_DIRECTORY)
        if fd is None:
            return None
        try:
            return os.readlink(os.fsencode(name), dir_fd=fd)
        except OSError:
            return None
        finally:
            os.close(fd)

    def is_opaque(self, path: str) -> bool:
        """Whether a directory hides what is below it."""
        fd = self.open(path, os.O_RDONLY | os.O_DIRECTORY)
        if fd is None:
            return False
        try:
            return is_opaque(fd)
        finally:
            os.close(fd)
