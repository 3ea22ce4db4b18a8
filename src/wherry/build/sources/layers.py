"""The layers of an image or a stage, merged as a container would see them, without mounting anything."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence

from wherry.build.sources.files import File, Files
from wherry.errors import Invalid
from wherry.store.layers import overlayform
from wherry.store.layers.ownership import read_owner
from wherry.store.snapshots.merged import Member, Merged
from wherry.store.tar import Kind

__all__ = ["LayerFiles"]

_CHUNK = 1 << 20
_KINDS = {
    stat.S_IFREG: Kind.FILE,
    stat.S_IFDIR: Kind.DIRECTORY,
    stat.S_IFLNK: Kind.SYMLINK,
    stat.S_IFCHR: Kind.CHAR,
    stat.S_IFBLK: Kind.BLOCK,
    stat.S_IFIFO: Kind.FIFO,
}


class LayerFiles(Files):
    """`directories` are the layers' own, topmost first; immutable while this is open."""

    keeps_owners = True
    _open = False

    def __init__(self, directories: Sequence[str]) -> None:
        self._merged = Merged(directories)
        self._members: dict[str, Member] = {}
        self._open = True

    def lookup(self, path: str) -> File | None:
        if not path:
            return File("", Kind.DIRECTORY, 0o755, 0, 0, 0, 0)
        member = self._merged.find(path)
        return self._file(member) if member is not None else None

    def children(self, path: str) -> list[File]:
        roots = self._merged._roots_of(path) if path else self._merged.roots
        visible, _ = self._merged._visible(roots, f"{path}/" if path else "")
        files = [self._file(visible[name]) for name in sorted(visible)]
        return [file for file in files if file is not None]

    def digest(self, file: File) -> bytes:
        state = hashlib.sha256()
        for piece in self.read(file):
            state.update(piece)
        return state.digest()

    def read(self, file: File) -> Iterator[bytes]:
        fd = self._reopen(file)
        left = file.size
        try:
            while left:
                data = os.read(fd, min(left, _CHUNK)) or bytes(min(left, _CHUNK))
                left -= len(data)
                yield data
        finally:
            os.close(fd)

    def attributes(self, file: File) -> dict[bytes, bytes] | None:
        if file.kind not in (Kind.FILE, Kind.DIRECTORY):
            return None
        found = {}
        fd = self._reopen(file)
        try:
            for name in os.listxattr(fd):
                if name == "security.capability" or (
                    name.startswith("user.") and not name.startswith(overlayform.PRIVATE_XATTRS)
                ):
                    found[os.fsencode(name)] = os.getxattr(fd, name)
        except OSError:
            pass
        finally:
            os.close(fd)
        return found or None

    def shared(self, file: File) -> object | None:
        member = self._members.get(file.path)
        if member is None or member.status.st_nlink < 2:
            return None
        return member.status.st_dev, member.status.st_ino

    def small(self, path: str, limit: int = 1 << 20) -> bytes:
        """The beginning of a regular file, links followed; empty when there is none."""
        file = self.find(path)
        if file is None or file.kind != Kind.FILE:
            return b""
        data = b""
        for piece in self.read(file):
            data += piece
            if len(data) >= limit:
                break
        return data[:limit]

    def close(self) -> None:
        if self._open:
            self._open = False
            self._merged.__exit__(None, None, None)

    def _reopen(self, file: File) -> int:
        member = self._members.get(file.path)
        fd = member.root.open(member.path, os.O_RDONLY) if member is not None else None
        if fd is None:
            raise Invalid(f"{file.path} is not there any more")
        return fd

    def _file(self, member: Member) -> File | None:
        path, root, status = member
        kind = _KINDS.get(stat.S_IFMT(status.st_mode))
        if kind is None:
            return None
        self._members[path] = member
        uid, gid = status.st_uid, status.st_gid
        if kind in (Kind.FILE, Kind.DIRECTORY) and (uid, gid) == (0, 0) and os.geteuid() != 0:
            fd = root.open(path, os.O_RDONLY)
            if fd is not None:
                uid, gid = read_owner(fd, status)
                os.close(fd)
        link = os.fsdecode(root.link(path) or b"") if kind == Kind.SYMLINK else ""
        size = status.st_size if kind == Kind.FILE else 0
        return File(path, kind, stat.S_IMODE(status.st_mode), uid, gid, status.st_mtime_ns, size, link)
