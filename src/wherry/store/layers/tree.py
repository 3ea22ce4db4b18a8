"""Directories below one root, by descriptor: names from an archive are resolved here, and nowhere else.

No path is ever handed to the kernel whole. Each component is opened relative to its parent's descriptor
without following links; a parent that is a symbolic link is resolved by the kernel with the root as its
ceiling (`openat2`, RESOLVE_IN_ROOT), as it would be in a container. So nothing outside the root can be
reached, whatever an archive contains.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable

from wherry.errors import Invalid
from wherry.linux import resolve

__all__ = ["MAX_DEPTH", "Tree", "clean_name"]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MAX_OPEN = 96
_MAX_PATH = 4095  # PATH_MAX without its NUL
MAX_DEPTH = 256


def clean_name(name: bytes) -> bytes:
    """`name` relative to the root, without `.`, `..`, empty components and slashes at its ends.

    Empty for the root itself. Raises Invalid when it would leave the root, or is longer or deeper than the
    kernel and this program can handle.
    """
    if len(name) > _MAX_PATH or name.count(b"/") > MAX_DEPTH:
        raise Invalid(f"archive member with too long a path: {name[:200]!r}")
    if b"/." not in name and b"//" not in name and name[0] not in b"./":
        return name.rstrip(b"/")
    parts: list[bytes] = []
    for part in name.split(b"/"):
        if part == b"..":
            if not parts:
                raise Invalid(f"archive member outside of its root: {name[:200]!r}")
            parts.pop()
        elif part and part != b".":
            parts.append(part)
    return b"/".join(parts)


class Tree:
    """Descriptors of directories below `root`, opened when needed and kept for a while. Not thread-safe."""

    def __init__(self, root: str, on_blocked: Callable[[int, bytes, bytes], None]) -> None:
        """`on_blocked(parent, name, path)` is called when a whiteout stands where a directory is needed; it
        makes a directory of it."""
        self.root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._open: dict[bytes, int] = {}
        self._on_blocked = on_blocked
        self._followed: dict[bytes, bytes] = {}  # path through a link → the same without

    def directory(self, path: bytes) -> int:
        """The descriptor of a directory, made (0755, with those above it) if missing. Valid until the next
        call.

        Raises Invalid when something that is no directory is in the way.
        """
        if not path:
            return self.root
        found = self._open.get(path)
        if found is not None:
            return found
        if len(self._open) >= _MAX_OPEN:
            self.forget()
        head, _, tail = path.rpartition(b"/")
        parent = self.directory(head)
        fd = self._enter(parent, tail, path)
        self._open[path] = fd
        return fd

    def canonical(self, path: bytes) -> bytes:
        """`path`, which `directory` has just given, without symbolic links in it."""
        if not self._followed:
            return path
        rest = path
        while rest:
            real = self._followed.get(rest)
            if real is not None:
                return (real + path[len(rest) :]).strip(b"/")
            rest = rest.rpartition(b"/")[0]
        return path

    def forget(self) -> None:
        """Drop every kept descriptor: what a path means may have changed."""
        for fd in self._open.values():
            os.close(fd)
        self._open.clear()
        self._followed.clear()

    def close(self) -> None:
        """Close everything."""
        self.forget()
        os.close(self.root)

    def _enter(self, parent: int, name: bytes, path: bytes) -> int:
        for _ in range(3):
            try:
                return os.open(name, _DIRECTORY, dir_fd=parent)
            except FileNotFoundError:
                os.mkdir(name, 0o755, dir_fd=parent)
            except OSError as error:
                if error.errno not in (errno.ELOOP, errno.ENOTDIR):
                    raise
                found = os.stat(name, dir_fd=parent, follow_symlinks=False)
                if stat.S_ISLNK(found.st_mode):
                    return self._follow(path)
                if not (stat.S_ISCHR(found.st_mode) and found.st_rdev == 0):
                    raise Invalid(f"archive member below a file: {path[:200]!r}") from error
                self._on_blocked(parent, name, path)
        raise Invalid(f"archive member in an impossible place: {path[:200]!r}")

    def _follow(self, path: bytes) -> int:
        try:
            fd = resolve.open_in(self.root, os.fsdecode(path), os.O_RDONLY | os.O_DIRECTORY)
            real = os.readlink(b"/proc/self/fd/%d" % fd)
            self._followed[path] = real[len(os.readlink(b"/proc/self/fd/%d" % self.root)) :].lstrip(b"/")
            return fd
        except OSError as error:
            raise Invalid(
                f"archive member below a link that leads nowhere: {path[:200]!r} ({error.strerror})"
            ) from error
