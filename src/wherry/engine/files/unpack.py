"""An archive unpacked into a directory inside. Nothing of it lands outside the container's root."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable

from wherry.errors import Invalid
from wherry.linux import resolve
from wherry.store.tar import ByteSource, Kind, TarEntry, read_entries

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Unpacker:
    """Unpacks into `directory` (an absolute path inside `root`). Links inside are followed inside only.

    `owner` is given to everything instead of the archive's owners, when not None.
    """

    def __init__(self, root: int, directory: str, *, keep_kinds: bool, owner: tuple[int, int] | None) -> None:
        self._root = root
        self._base = "/" + directory.strip("/")
        self._keep_kinds = keep_kinds
        self._owner = owner
        self._times: list[tuple[str, int]] = []

    def run(self, chunks: Iterable[bytes]) -> None:
        """Unpack all of it. Raises `Invalid` for a hostile or malformed archive, OSError."""
        source = ByteSource(chunks)
        for entry in read_entries(source):
            self._entry(entry, source)
        for path, moment in reversed(self._times):
            fd = self._open(path, os.O_RDONLY | os.O_DIRECTORY)
            os.utime(fd, ns=(moment, moment))
            os.close(fd)

    def _entry(self, entry: TarEntry, source: ByteSource) -> None:
        name = os.fsdecode(entry.name)
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if ".." in parts:
            raise Invalid(f"the archive names a path outside: {name}")
        if not parts:
            return  # the directory itself stays as it is
        parent_path = "/".join([self._base.rstrip("/"), *parts[:-1]]) or "/"
        parent = self._parent(parent_path)
        try:
            self._place(entry, source, parent, parts[-1], f"{parent_path.rstrip('/')}/{parts[-1]}")
        finally:
            os.close(parent)

    def _place(self, entry: TarEntry, source: ByteSource, parent: int, name: str, path: str) -> None:
        existing = self._existing(parent, name)
        is_directory = entry.kind == Kind.DIRECTORY
        if existing is not None:
            was_directory = stat.S_ISDIR(existing.st_mode)
            if self._keep_kinds and is_directory and not was_directory:
                raise Invalid(f'cannot overwrite non-directory "{path}" with directory "{self._base}"')
            if self._keep_kinds and was_directory and not is_directory:
                raise Invalid(f'cannot overwrite directory "{path}" with non-directory "{self._base}"')
            if not (was_directory and is_directory):
                self._clear(parent, name, existing)
                existing = None
        match entry.kind:
            case Kind.DIRECTORY:
                if existing is None:
                    os.mkdir(name, 0o700, dir_fd=parent)
                self._times.append((path, entry.mtime_ns))
            case Kind.FILE:
                self._file(entry, source, parent, name)
            case Kind.SYMLINK:
                os.symlink(entry.linkname, os.fsencode(name), dir_fd=parent)
            case Kind.HARDLINK:
                self._hard_link(entry, parent, name)
                return
            case Kind.FIFO:
                os.mkfifo(name, 0o600, dir_fd=parent)
            case _:
                device = os.makedev(entry.major, entry.minor)
                kind = stat.S_IFCHR if entry.kind == Kind.CHAR else stat.S_IFBLK
                os.mknod(name, kind | 0o600, device, dir_fd=parent)
        self._dress(entry, parent, name)

    def _file(self, entry: TarEntry, source: ByteSource, parent: int, name: str) -> None:
        fd = os.open(name, _NEW, 0o600, dir_fd=parent)
        try:
            segments = entry.segments if entry.segments is not None else [(0, entry.stored)]
            for offset, length in segments:
                os.lseek(fd, offset, os.SEEK_SET)
                for piece in source.pieces(length):
                    view = memoryview(piece)
                    while view:
                        view = view[os.write(fd, view) :]
            if entry.segments is not None:
                os.ftruncate(fd, entry.size)
        finally:
            os.close(fd)

    def _hard_link(self, entry: TarEntry, parent: int, name: str) -> None:
        parts = [part for part in os.fsdecode(entry.linkname).split("/") if part not in ("", ".")]
        if ".." in parts or not parts:
            raise Invalid(f"the archive links to a path outside: {os.fsdecode(entry.linkname)}")
        other = self._open("/".join([self._base.rstrip("/"), *parts[:-1]]) or "/", os.O_PATH | os.O_DIRECTORY)
        try:
            os.link(parts[-1], name, src_dir_fd=other, dst_dir_fd=parent, follow_symlinks=False)
        finally:
            os.close(other)

    def _dress(self, entry: TarEntry, parent: int, name: str) -> None:
        uid, gid = self._owner or (entry.uid, entry.gid)
        try:
            os.chown(name, uid, gid, dir_fd=parent, follow_symlinks=False)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            # An id that the container does not have: it goes to root, as with everything made in there.
        if entry.kind == Kind.SYMLINK:
            os.utime(name, ns=(entry.mtime_ns, entry.mtime_ns), dir_fd=parent, follow_symlinks=False)
            return
        if entry.kind in (Kind.CHAR, Kind.BLOCK):
            os.chmod(name, entry.mode & 0o7777, dir_fd=parent)
            return
        # By descriptor: nobody can have put a link here in between. (/proc/self is not to be had in here.)
        fd = os.open(name, _READ, dir_fd=parent)
        try:
            os.fchmod(fd, entry.mode & 0o7777)
            for key, value in (entry.xattrs or {}).items():
                if key == b"security.capability" or key.startswith(b"user."):
                    os.setxattr(fd, key, value)
            os.utime(fd, ns=(entry.mtime_ns, entry.mtime_ns))
        finally:
            os.close(fd)

    def _existing(self, parent: int, name: str) -> os.stat_result | None:
        try:
            return os.stat(name, dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def _clear(self, parent: int, name: str, status: os.stat_result) -> None:
        if not stat.S_ISDIR(status.st_mode):
            os.unlink(name, dir_fd=parent)
            return
        fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
        try:
            for child in os.listdir(fd):
                found = self._existing(fd, child)
                if found is not None:
                    self._clear(fd, child, found)
        finally:
            os.close(fd)
        os.rmdir(name, dir_fd=parent)

    def _parent(self, path: str) -> int:
        """The directory `path` inside, made with its own parents where they are missing."""
        return resolve.make_directory(self._root, path)

    def _open(self, path: str, flags: int = os.O_PATH) -> int:
        return resolve.open_in(self._root, path, flags)
