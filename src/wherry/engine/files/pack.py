"""A path inside as an archive, its first member named after it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable

from wherry.linux import resolve
from wherry.store.tar import Kind, TarEntry, end_of_archive, header, padding

from .look import split

_CHUNK = 1 << 20
_KINDS = {
    stat.S_IFREG: Kind.FILE,
    stat.S_IFDIR: Kind.DIRECTORY,
    stat.S_IFLNK: Kind.SYMLINK,
    stat.S_IFCHR: Kind.CHAR,
    stat.S_IFBLK: Kind.BLOCK,
    stat.S_IFIFO: Kind.FIFO,
}
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def pack(root: int, path: str, write: Callable[[bytes], object]) -> None:
    """Write the archive of `path` piece by piece. What vanishes meanwhile is left out. Raises OSError."""
    directory, name = split(path)
    parent = resolve.open_in(root, directory, os.O_PATH | os.O_DIRECTORY)
    links: dict[tuple[int, int], bytes] = {}
    shown = name or os.path.basename(os.path.normpath("/" + path)) or "."
    try:
        _member(parent, name or ".", os.fsencode(shown), links, write)
    finally:
        os.close(parent)
    write(end_of_archive())


def _member(
    parent: int,
    name: str,
    shown: bytes,
    links: dict[tuple[int, int], bytes],
    write: Callable[[bytes], object],
) -> None:
    try:
        status = os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return
    kind = _KINDS.get(stat.S_IFMT(status.st_mode))
    if kind is None:
        return  # a socket is nothing without its process
    entry = TarEntry(
        shown + b"/" if kind == Kind.DIRECTORY else shown,
        kind,
        mode=stat.S_IMODE(status.st_mode),
        uid=status.st_uid,
        gid=status.st_gid,
        mtime_ns=status.st_mtime_ns,
    )
    if kind != Kind.DIRECTORY and status.st_nlink > 1:
        first = links.setdefault((status.st_dev, status.st_ino), shown)
        if first != shown:
            entry.kind, entry.linkname = Kind.HARDLINK, first
            write(header(entry))
            return
    if kind == Kind.FILE:
        _file(parent, name, entry, write)
    elif kind == Kind.DIRECTORY:
        _directory(parent, name, entry, shown, links, write)
    elif kind == Kind.SYMLINK:
        try:
            entry.linkname = os.readlink(os.fsencode(name), dir_fd=parent)
        except OSError:
            return
        write(header(entry))
    else:
        if kind != Kind.FIFO:
            entry.major, entry.minor = os.major(status.st_rdev), os.minor(status.st_rdev)
        write(header(entry))


def _directory(
    parent: int,
    name: str,
    entry: TarEntry,
    shown: bytes,
    links: dict[tuple[int, int], bytes],
    write: Callable[[bytes], object],
) -> None:
    try:
        fd = os.open(name, _READ | os.O_DIRECTORY, dir_fd=parent)
    except (FileNotFoundError, NotADirectoryError):
        return
    try:
        write(header(entry))
        for child in sorted(os.listdir(fd)):
            _member(fd, child, shown + b"/" + os.fsencode(child), links, write)
    finally:
        os.close(fd)


def _file(parent: int, name: str, entry: TarEntry, write: Callable[[bytes], object]) -> None:
    try:
        fd = os.open(name, _READ, dir_fd=parent)
    except (FileNotFoundError, OSError):
        return
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            return  # replaced meanwhile
        try:
            entry.xattrs = {b"security.capability": os.getxattr(fd, "security.capability")}
        except OSError:
            pass
        left = entry.size = entry.stored = status.st_size
        write(header(entry))
        while left:
            data = os.read(fd, min(left, _CHUNK)) or bytes(min(left, _CHUNK))  # it shrank: zeros, as tar does
            left -= len(data)
            write(data)
        write(padding(entry.stored))
    finally:
        os.close(fd)
