"""A tar archive as a tree: contents lie one after another in a spool file, nothing is unpacked."""

from __future__ import annotations

import hashlib
import os
import posixpath
import tempfile
from collections.abc import Iterable, Iterator

from wherry.build.ignore import Ignore
from wherry.build.sources.files import File, Files, clean
from wherry.errors import Invalid
from wherry.store.compression import decompress
from wherry.store.diskerrors import disk_errors
from wherry.store.tar import ByteSource, Kind, TarEntry, read_entries

__all__ = ["ArchiveFiles"]

_CHUNK = 1 << 20
_MOST = 2_000_000  # members


class ArchiveFiles(Files):
    """The members of an archive, by their cleaned names; later ones replace earlier ones."""

    def __init__(self, chunks: Iterable[bytes | memoryview], directory: str) -> None:
        """Read all of it into an unnamed file in `directory`. Raises Invalid for what is no archive, and
        for names that lead outside."""
        os.makedirs(directory, mode=0o700, exist_ok=True)
        self.ignore = Ignore()
        self._members: dict[str, File] = {"": File("", Kind.DIRECTORY, 0o755, 0, 0, 0, 0)}
        self._entries: dict[str, TarEntry] = {}
        self._places: dict[str, list[tuple[int, int, int]]] = {}  # offset in file, place in spool, length
        self._names: dict[str, set[str]] = {"": set()}
        self._digests: dict[str, bytes] = {}
        self._linked: set[int] = set()  # ids of entries with several names
        self._fd = -1
        with disk_errors("the build context"), tempfile.TemporaryFile(dir=directory, buffering=0) as spool:
            self._read(ByteSource(decompress(chunks)), spool.fileno())
            self._fd = os.dup(spool.fileno())

    def lookup(self, path: str) -> File | None:
        file = self._members.get(path)
        if file is None or not path or not self.ignore or not self.ignore.ignores(path):
            return file
        return file if file.is_directory and self.ignore.may_hold(path) else None

    def children(self, path: str) -> list[File]:
        prefix = f"{path}/" if path else ""
        found = []
        for name in sorted(self._names.get(path, ())):
            file = self.lookup(prefix + name)
            if file is None:
                continue
            if (
                self.ignore
                and file.is_directory
                and self.ignore.ignores(file.path)
                and not self.children(file.path)
            ):
                continue
            found.append(file)
        return found

    def digest(self, file: File) -> bytes:
        known = self._digests.get(file.path)
        if known is None:
            state = hashlib.sha256()
            for piece in self.read(file):
                state.update(piece)
            known = self._digests[file.path] = state.digest()
        return known

    def read(self, file: File) -> Iterator[bytes]:
        done = 0
        for offset, place, length in self._places.get(file.path, ()):
            while done < offset:
                gap = min(offset - done, _CHUNK)
                yield bytes(gap)
                done += gap
            while length:
                data = os.pread(self._fd, min(length, _CHUNK), place)
                if not data:
                    raise Invalid("the spool of the build context was cut short")
                yield data
                place += len(data)
                length -= len(data)
                done += len(data)
        while done < file.size:
            gap = min(file.size - done, _CHUNK)
            yield bytes(gap)
            done += gap

    def shared(self, file: File) -> object | None:
        entry = self._entries.get(file.path)
        return id(entry) if entry is not None and id(entry) in self._linked else None

    def attributes(self, file: File) -> dict[bytes, bytes] | None:
        entry = self._entries.get(file.path)
        return entry.xattrs if entry is not None else None

    def device(self, file: File) -> tuple[int, int]:
        """Major and minor number of a device."""
        entry = self._entries[file.path]
        return entry.major, entry.minor

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _read(self, source: ByteSource, spool: int) -> None:
        at = 0
        for entry in read_entries(source):
            name = os.fsdecode(entry.name)
            path = clean(name)
            if path is None:
                raise Invalid(f"the archive names a path outside: {name[:200]}")
            if len(self._members) > _MOST:
                raise Invalid(f"an archive with more than {_MOST} members")
            if not path:
                continue
            if entry.kind == Kind.HARDLINK:
                self._link(path, entry)
                continue
            places = []
            for offset, length in entry.segments if entry.segments is not None else [(0, entry.stored)]:
                places.append((offset, at, length))
                for piece in source.pieces(length):
                    view = memoryview(piece)
                    while view:
                        written = os.write(spool, view)
                        at += written
                        view = view[written:]
            self._add(path, entry, places)

    def _add(self, path: str, entry: TarEntry, places: list[tuple[int, int, int]]) -> None:
        old = self._members.get(path)
        if old is not None and old.is_directory and entry.kind != Kind.DIRECTORY:
            self._drop(path)
        parent, _, name = path.rpartition("/")
        self._parents(parent)
        self._names[parent].add(name)
        if entry.kind == Kind.DIRECTORY:
            self._names.setdefault(path, set())
        link = os.fsdecode(entry.linkname) if entry.kind == Kind.SYMLINK else ""
        self._members[path] = File(
            path, entry.kind, entry.mode, entry.uid, entry.gid, entry.mtime_ns, entry.size, link
        )
        self._entries[path] = entry
        self._places[path] = places

    def _parents(self, path: str) -> None:
        if not path:
            return
        member = self._members.get(path)
        if member is not None and member.is_directory:
            return
        parent, _, name = path.rpartition("/")
        self._parents(parent)
        self._names[parent].add(name)
        self._names[path] = set()
        self._entries.pop(path, None)
        self._members[path] = File(path, Kind.DIRECTORY, 0o755, 0, 0, 0, 0)

    def _drop(self, path: str) -> None:
        for name in self._names.pop(path, ()):
            child = posixpath.join(path, name)
            self._drop(child)
            self._members.pop(child, None)

    def _link(self, path: str, entry: TarEntry) -> None:
        target = clean(os.fsdecode(entry.linkname))
        member = self._members.get(target) if target else None
        if target is None or member is None or member.is_directory:
            raise Invalid(f"a hard link to nothing in the archive: {path[:200]}")
        self._linked.add(id(self._entries[target]))
        self._add(path, self._entries[target], self._places.get(target, []))
