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
from wherry.store.tar import Kind, TarEntry, end_of_archive, header, padding

__all__ = ["pack_delta", "pack_members"]

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
    for name, member in members:
        yield from _member(name, member, links)
    yield end_of_archive()


def pack_delta(delta: Iterable[Delta]) -> Iterator[bytes]:
    """A layer archive: members, whiteouts and opaque marks."""
    links: dict[tuple[int, int], bytes] = {}
    for name, member, mark in delta:
        if member is not None:
            yield from _member(name, member, links)
        if mark == "whiteout":
            parent, _, base = os.fsencode(name).rpartition(b"/")
            yield _mark(parent, overlayform.PREFIX + base)
        elif mark == "opaque":
            yield _mark(os.fsencode(name), overlayform.OPAQUE_MARK)
    yield end_of_archive()


def _mark(parent: bytes, name: bytes) -> bytes:
    return header(TarEntry(parent + b"/" + name if parent else name, Kind.FILE, mode=0))


def _member(name: str, member: Member, links: dict[tuple[int, int], bytes]) -> Iterator[bytes]:
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
            yield header(entry)
            return
        links[inode] = entry.name
    if kind == Kind.SYMLINK:
        target = root.link(path)
        if target is not None:
            entry.linkname = target
            yield header(entry)
    elif kind in (Kind.FILE, Kind.DIRECTORY):
        yield from _opened(entry, member)
    else:
        if kind != Kind.FIFO:
            entry.major, entry.minor = os.major(status.st_rdev), os.minor(status.st_rdev)
        yield header(entry)


def _opened(entry: TarEntry, member: Member) -> Iterator[bytes]:
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
            yield header(entry)
            return
        size = entry.size = entry.stored = status.st_size
        yield header(entry)
        while size:
            data = os.read(fd, min(size, _CHUNK)) or bytes(min(size, _CHUNK))  # it shrank: zeros, as tar does
            size -= len(data)
            yield data
        if pad := padding(entry.stored):
            yield pad
    finally:
        os.close(fd)


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
