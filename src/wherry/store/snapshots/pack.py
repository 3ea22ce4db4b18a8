"""Files to archive: what `commit` makes layers of, and what `export` gives out. The same files give the same
bytes: sorted, no user names, one time, hard links to whichever name comes first."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator

from wherry.store.layers import overlayform
from wherry.store.layers.ownership import portable_capability, read_owner
from wherry.store.snapshots.driver import Delta
from wherry.store.snapshots.merged import Member
from wherry.store.tar import Item, Kind, TarEntry, written

__all__ = ["items_of_delta", "no_later", "pack_delta", "pack_members"]

_CHUNK = 1 << 20
_KINDS = {
    stat.S_IFREG: Kind.FILE,
    stat.S_IFDIR: Kind.DIRECTORY,
    stat.S_IFLNK: Kind.SYMLINK,
    stat.S_IFCHR: Kind.CHAR,
    stat.S_IFBLK: Kind.BLOCK,
    stat.S_IFIFO: Kind.FIFO,
}
_KEPT_XATTRS = ("security.capability", "user.")


def pack_members(members: Iterable[tuple[str, Member]]) -> Iterator[bytes]:
    """An archive of what `members` are, each under its name in the archive."""
    links: dict[tuple[int, int], bytes] = {}
    return written(item for name, member in members for item in _member(name, member, links))


def pack_delta(delta: Iterable[Delta]) -> Iterator[bytes]:
    """A layer archive: members, whiteouts and opaque marks."""
    return written(items_of_delta(delta))


def items_of_delta(delta: Iterable[Delta]) -> Iterator[Item]:
    """The same, as its members."""
    links: dict[tuple[int, int], bytes] = {}
    for name, member, mark in delta:
        if member is not None:
            yield from _member(name, member, links)
        if mark == "whiteout":
            parent, _, base = os.fsencode(name).rpartition(b"/")
            yield _mark(parent, overlayform.PREFIX + base)
        elif mark == "opaque":
            yield _mark(os.fsencode(name), overlayform.OPAQUE_MARK)


def no_later(items: Iterable[Item], latest_ns: int | None) -> Iterator[Item]:
    """The same with no time later than `latest_ns` (ns since 1970): for images that are the same whenever
    they are built."""
    for entry, content in items:
        if latest_ns is not None and entry.mtime_ns > latest_ns:
            entry.mtime_ns = latest_ns
        yield entry, content


def _mark(parent: bytes, name: bytes) -> Item:
    return TarEntry(parent + b"/" + name if parent else name, Kind.FILE, mode=0), ()


def _member(name: str, member: Member, links: dict[tuple[int, int], bytes]) -> Iterator[Item]:
    path, root, status = member
    kind = _KINDS.get(stat.S_IFMT(status.st_mode))
    if kind is None:
        return  # a socket: of no use to anyone else
    entry = TarEntry(
        os.fsencode(name),
        kind,
        mode=status.st_mode & 0o7777,
        uid=status.st_uid,
        gid=status.st_gid,
        mtime_ns=status.st_mtime_ns // 1_000_000_000 * 1_000_000_000,
    )
    inode = (status.st_dev, status.st_ino)
    if kind != Kind.DIRECTORY and status.st_nlink > 1:
        if (first := links.get(inode)) is not None:
            entry.kind, entry.linkname = Kind.HARDLINK, first
            yield entry, ()
            return
        links[inode] = entry.name
    if kind == Kind.SYMLINK:
        target = root.link(path)
        if target is not None:
            entry.linkname = target
            yield entry, ()
    elif kind in (Kind.FILE, Kind.DIRECTORY):
        yield from _opened(entry, member)
    else:
        if kind != Kind.FIFO:
            entry.major, entry.minor = os.major(status.st_rdev), os.minor(status.st_rdev)
        yield entry, ()


def _opened(entry: TarEntry, member: Member) -> Iterator[Item]:
    fd = member.root.open(member.path, os.O_RDONLY)
    if fd is None:
        return
    try:
        status = os.fstat(fd)
        if stat.S_IFMT(status.st_mode) != stat.S_IFMT(member.status.st_mode):
            return  # replaced meanwhile
        entry.uid, entry.gid = read_owner(fd, status)
        entry.xattrs = _attributes(fd) or None
        if entry.kind == Kind.DIRECTORY:
            entry.name += b"/"
            yield entry, ()
            return
        entry.size = entry.stored = status.st_size
        yield entry, _content(fd, status.st_size)
    finally:
        os.close(fd)


def _content(fd: int, size: int) -> Iterator[bytes]:
    while size:
        data = os.read(fd, min(size, _CHUNK)) or bytes(min(size, _CHUNK))  # it shrank: zeros, as tar does
        size -= len(data)
        yield data


def _attributes(fd: int) -> dict[bytes, bytes]:
    found = {}
    try:
        names = os.listxattr(fd)
    except OSError:
        return {}
    for name in names:
        if name.startswith(overlayform.PRIVATE_XATTRS) or not name.startswith(_KEPT_XATTRS):
            continue
        try:
            value = os.getxattr(fd, name)
        except OSError:
            continue
        found[os.fsencode(name)] = portable_capability(value) if name == "security.capability" else value
    return found
