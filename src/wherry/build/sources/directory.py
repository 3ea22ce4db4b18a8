"""A directory of this machine, without what `.dockerignore` leaves out."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Iterator

from wherry.build.ignore import Ignore
from wherry.build.sources.files import File, Files
from wherry.build.sources.hashes import Hashes
from wherry.errors import Invalid
from wherry.store.root import Root
from wherry.store.tar import Kind

__all__ = ["DirectoryFiles"]

_CHUNK = 1 << 20
_KINDS = {
    stat.S_IFREG: Kind.FILE,
    stat.S_IFDIR: Kind.DIRECTORY,
    stat.S_IFLNK: Kind.SYMLINK,
    stat.S_IFIFO: Kind.FIFO,
}
_SETTLED = 2_000_000_000  # ns: a file changed later than that may change again within one tick of its clock


class DirectoryFiles(Files):
    """Only what is asked for is read. `hashes` remembers the digests of files that did not change."""

    _open = False

    def __init__(self, path: str, ignore: Ignore, hashes: Hashes | None = None) -> None:
        """Raises Invalid when `path` is no directory."""
        try:
            self._root = Root(path)
        except OSError as error:
            raise Invalid(f"unable to prepare context: path {path!r}: {error.strerror}") from None
        self._ignore = ignore
        self._hashes = hashes
        self._stats: dict[str, os.stat_result] = {}
        self._lists: dict[str, list[File]] = {}
        self._open = True

    def lookup(self, path: str) -> File | None:
        if not path:
            return self._file("", os.fstat(self._root.fd))
        if self._ignore and self._ignore.ignores(path):
            status = self._root.status(path)
            if status is None or not stat.S_ISDIR(status.st_mode) or not self._ignore.may_hold(path):
                return None
            return self._file(path, status)
        status = self._root.status(path)
        return self._file(path, status) if status is not None else None

    def children(self, path: str) -> list[File]:
        known = self._lists.get(path)
        if known is not None:
            return known
        fd = self._root.open(path, os.O_RDONLY | os.O_DIRECTORY)
        if fd is None:
            return []
        found = []
        prefix = f"{path}/" if path else ""
        try:
            with os.scandir(fd) as entries:
                for entry in entries:
                    where = prefix + entry.name
                    try:
                        status = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue
                    if self._ignore and self._ignore.ignores(where):
                        if not stat.S_ISDIR(status.st_mode) or not self._ignore.may_hold(where):
                            continue
                        if not any(True for _ in self.walk(where)):
                            continue
                    file = self._file(where, status, fd, entry.name)
                    if file is not None:
                        found.append(file)
        finally:
            os.close(fd)
        found.sort()
        self._lists[path] = found
        return found

    def digest(self, file: File) -> bytes:
        status = self._stats.get(file.path)
        if self._hashes is not None and status is not None:
            known = self._hashes.get(file.path, status)
            if known is not None:
                return known
        fd = self._reopen(file)
        try:
            status = os.fstat(fd)
            state = hashlib.sha256()
            while data := os.read(fd, _CHUNK):
                state.update(data)
        finally:
            os.close(fd)
        if self._hashes is not None and status.st_ctime_ns < time.time_ns() - _SETTLED:
            self._hashes.put(file.path, status, state.digest())
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

    def shared(self, file: File) -> object | None:
        status = self._stats.get(file.path)
        if status is None or status.st_nlink < 2:
            return None
        return status.st_dev, status.st_ino

    def close(self) -> None:
        if self._open:
            self._open = False
            self._root.close()
            if self._hashes is not None:
                self._hashes.save()

    def _reopen(self, file: File) -> int:
        try:
            fd = self._root.open(file.path, os.O_RDONLY)
        except OSError as error:
            raise Invalid(f"can't read {file.path} of the context: {error.strerror}") from None
        if fd is None:
            raise Invalid(f"{file.path} has vanished from the context")
        return fd

    def _file(
        self, path: str, status: os.stat_result, parent: int | None = None, name: str = ""
    ) -> File | None:
        kind = _KINDS.get(stat.S_IFMT(status.st_mode))
        if kind is None:
            return None  # sockets and devices are of no use in an image
        link = ""
        if kind == Kind.SYMLINK:
            try:
                if parent is not None:
                    link = os.readlink(name, dir_fd=parent)
                else:
                    link = os.fsdecode(self._root.link(path) or b"")
            except OSError:
                return None
        self._stats[path] = status
        size = status.st_size if kind == Kind.FILE else 0
        return File(path, kind, stat.S_IMODE(status.st_mode), 0, 0, status.st_mtime_ns, size, link)
