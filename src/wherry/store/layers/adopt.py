"""An overlay's upper directory made a layer where it is: what it holds is read once, to be hashed, and copied
nowhere.

The archive is the one that `snapshots.pack` would write of it, and the directory is left as unpacking that
archive would have made it: whole seconds, no attributes but those in the archive, no sockets. Nobody may be
able to write into it any more; a file that changes while it is read is noticed, and then nothing comes of it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection

from wherry.errors import Internal, Invalid
from wherry.store.layers import overlayform
from wherry.store.layers.ownership import portable_capability, read_owner, set_attribute
from wherry.store.layers.sink import Sink
from wherry.store.layers.tree import MAX_DEPTH
from wherry.store.layers.unpack import Unpacked
from wherry.store.tar import Kind, TarEntry, end_of_archive, header, padding

__all__ = ["adopt_tree"]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CHUNK = 256 * 1024
_SECOND = 1_000_000_000
_CAPABILITY = "security.capability"


def adopt_tree(
    directory: str, sink: Sink, *, dropped: Collection[str] = (), latest_ns: int | None = None
) -> Unpacked:
    """Send the archive of `directory` to `sink`, and make the directory what a layer's is.

    `dropped` are relative paths to remove instead, directories with all that is in them; no time is left
    later than `latest_ns`. Raises Internal when a file changes meanwhile, Invalid for what no layer can hold.
    """
    adopter = _Adopter(sink, frozenset(dropped), latest_ns)
    root = os.open(directory, _DIRECTORY)
    try:
        adopter.walk(root, "", 0)
        adopter.strip_root(root)
    finally:
        os.close(root)
    sink.literal(end_of_archive())
    return Unpacked(adopter.size, adopter.count, sink.size, None)


class _Adopter:
    def __init__(self, sink: Sink, dropped: frozenset[str], latest_ns: int | None) -> None:
        self.size = 0
        self.count = 0
        self._sink = sink
        self._dropped = dropped
        self._latest = latest_ns
        self._links: dict[tuple[int, int], bytes] = {}

    def walk(self, directory: int, prefix: str, depth: int) -> bool:
        """Everything in an open directory, names sorted; whether something was removed from it."""
        if depth > MAX_DEPTH:
            raise Invalid(f"directories more than {MAX_DEPTH} deep: {prefix[:200]}")
        removed = False
        for name in sorted(os.listdir(directory)):
            status = os.stat(name, dir_fd=directory, follow_symlinks=False)
            where = prefix + name
            kind = stat.S_IFMT(status.st_mode)
            if where in self._dropped or kind == stat.S_IFSOCK:  # a socket is of no use to anyone else
                _remove(directory, name, status)
                removed = True
            elif name.startswith(_WHITEOUT_PREFIX):
                removed = self._named_like_a_whiteout(directory, name, prefix, status) or removed
            elif overlayform.is_whiteout(status):
                self._head(TarEntry(_whiteout(prefix, name), Kind.FILE, mode=0))
            elif kind == stat.S_IFDIR:
                self._directory(directory, name, where, status, depth)
            elif kind == stat.S_IFREG:
                self._file(directory, name, where, status)
            else:
                self._special(directory, name, where, status)
        return removed

    def strip_root(self, directory: int) -> None:
        """What `/` is like is not in a layer."""
        self._attributes(directory)
        os.fchown(directory, os.geteuid(), os.getegid())
        os.fchmod(directory, 0o755)

    def _directory(self, parent: int, name: str, where: str, status: os.stat_result, depth: int) -> None:
        entry = self._entry(where, Kind.DIRECTORY, status)
        entry.name += b"/"
        fd = os.open(name, _DIRECTORY, dir_fd=parent)
        try:
            opaque = overlayform.is_opaque(fd)
            entry.uid, entry.gid = read_owner(fd, status)
            entry.xattrs = self._attributes(fd) or None
            self._head(entry)
            if opaque:
                overlayform.make_opaque(fd)
                self._head(TarEntry(entry.name + overlayform.OPAQUE_MARK, Kind.FILE, mode=0))
            if self.walk(fd, where + "/", depth + 1) or entry.mtime_ns != status.st_mtime_ns:
                os.utime(fd, ns=(entry.mtime_ns, entry.mtime_ns))
        finally:
            os.close(fd)

    def _file(self, parent: int, name: str, where: str, status: os.stat_result) -> None:
        entry = self._entry(where, Kind.FILE, status)
        if self._linked(entry, status):
            return
        fd = os.open(name, _FILE, dir_fd=parent)
        try:
            entry.uid, entry.gid = read_owner(fd, status)
            entry.xattrs = self._attributes(fd) or None
            size = entry.size = entry.stored = status.st_size
            self._head(entry)
            self._sink.recipe.content(entry.name, [(0, size)])
            content, left = self._sink.content, size
            while left:
                data = os.read(fd, min(left, _CHUNK))
                if not data:
                    break
                left -= len(data)
                content(data)
            after = os.fstat(fd)
            if left or (after.st_size, after.st_mtime_ns) != (size, status.st_mtime_ns):
                raise Internal(f"{where} changed while it was made a part of a layer")
            if pad := padding(size):
                self._sink.literal(pad)
            self.size += size
            if entry.mtime_ns != status.st_mtime_ns:
                os.utime(fd, ns=(entry.mtime_ns, entry.mtime_ns))
        finally:
            os.close(fd)

    def _special(self, parent: int, name: str, where: str, status: os.stat_result) -> None:
        kind = _KINDS[stat.S_IFMT(status.st_mode)]
        entry = self._entry(where, kind, status)
        if self._linked(entry, status):
            return
        if kind == Kind.SYMLINK:
            entry.linkname = os.fsencode(os.readlink(name, dir_fd=parent))
        elif kind != Kind.FIFO:
            entry.major, entry.minor = os.major(status.st_rdev), os.minor(status.st_rdev)
        self._head(entry)
        if entry.mtime_ns != status.st_mtime_ns:
            os.utime(name, ns=(entry.mtime_ns, entry.mtime_ns), dir_fd=parent, follow_symlinks=False)

    def _named_like_a_whiteout(self, parent: int, name: str, prefix: str, status: os.stat_result) -> bool:
        """A file that a command gave such a name is one in the archive, so it is one here too."""
        if not stat.S_ISREG(status.st_mode) or status.st_size:
            raise Invalid(f"{prefix}{name}: in a layer such a name means that something is gone")
        os.unlink(name, dir_fd=parent)
        self._head(self._entry(prefix + name, Kind.FILE, status))
        raw = os.fsencode(name)
        if raw == overlayform.OPAQUE_MARK:
            overlayform.make_opaque(parent)
        elif not raw.startswith(overlayform.META_PREFIX):
            hidden = raw[len(overlayform.PREFIX) :]
            try:
                os.stat(hidden, dir_fd=parent, follow_symlinks=False)
            except FileNotFoundError:
                overlayform.make_whiteout(parent, hidden)
        return True

    def _linked(self, entry: TarEntry, status: os.stat_result) -> bool:
        """Whether it is a further name of something that came already."""
        if status.st_nlink < 2:
            return False
        first = self._links.setdefault((status.st_dev, status.st_ino), entry.name)
        if first == entry.name:
            return False
        entry.kind, entry.linkname = Kind.HARDLINK, first
        self._head(entry)
        return True

    def _entry(self, where: str, kind: Kind, status: os.stat_result) -> TarEntry:
        mtime = status.st_mtime_ns // _SECOND * _SECOND
        if self._latest is not None and mtime > self._latest:
            mtime = self._latest
        return TarEntry(
            os.fsencode(where),
            kind,
            mode=status.st_mode & 0o7777,
            uid=status.st_uid,
            gid=status.st_gid,
            mtime_ns=mtime,
        )

    def _head(self, entry: TarEntry) -> None:
        self.count += 1
        self._sink.literal(header(entry))

    def _attributes(self, fd: int) -> dict[bytes, bytes]:
        """Those that belong in the archive; others are taken away."""
        found = {}
        for name in os.listxattr(fd):
            if name == _CAPABILITY:
                value = os.getxattr(fd, name)
                found[b"security.capability"] = portable = portable_capability(value)
                if portable != value:  # it named the id range of the container that set it
                    set_attribute(fd, name, portable)
            elif name.startswith(_KEPT):
                continue
            elif name.startswith("user.") and not name.startswith(overlayform.PRIVATE_XATTRS):
                found[os.fsencode(name)] = os.getxattr(fd, name)
            else:
                try:
                    os.removexattr(fd, name)
                except OSError:
                    pass  # a label of the machine's own
        return found


_WHITEOUT_PREFIX = overlayform.PREFIX.decode()
_KEPT = ("user.wherry.", "user.overlay.opaque")
_KINDS = {
    stat.S_IFLNK: Kind.SYMLINK,
    stat.S_IFCHR: Kind.CHAR,
    stat.S_IFBLK: Kind.BLOCK,
    stat.S_IFIFO: Kind.FIFO,
}


def _whiteout(prefix: str, name: str) -> bytes:
    return os.fsencode(prefix) + overlayform.PREFIX + os.fsencode(name)


def _remove(parent: int, name: str, status: os.stat_result) -> None:
    if not stat.S_ISDIR(status.st_mode):
        os.unlink(name, dir_fd=parent)
        return
    fd = os.open(name, _DIRECTORY, dir_fd=parent)
    try:
        for inner in os.listdir(fd):
            _remove(fd, inner, os.stat(inner, dir_fd=fd, follow_symlinks=False))
    finally:
        os.close(fd)
    os.rmdir(name, dir_fd=parent)
