"""A tar archive as a tree: contents lie one after another in a spool file, nothing is unpacked."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable

from wherry.build.sources.files import File, clean
from wherry.build.sources.spooled import MOST, SpooledFiles
from wherry.errors import Invalid
from wherry.store.compression import decompress
from wherry.store.diskerrors import disk_errors
from wherry.store.tar import ByteSource, Kind, TarEntry, read_entries

__all__ = ["ArchiveFiles"]


class ArchiveFiles(SpooledFiles):
    """The members of an archive, by their cleaned names; later ones replace earlier ones."""

    def __init__(self, chunks: Iterable[bytes | memoryview], directory: str) -> None:
        """Read all of it into an unnamed file in `directory`. Raises Invalid for what is no archive, and
        for names that lead outside."""
        os.makedirs(directory, mode=0o700, exist_ok=True)
        super().__init__()
        self._entries: dict[str, TarEntry] = {}
        with disk_errors("the build context"), tempfile.TemporaryFile(dir=directory, buffering=0) as spool:
            self._read(ByteSource(decompress(chunks)), spool.fileno())
            self._fd = os.dup(spool.fileno())

    def attributes(self, file: File) -> dict[bytes, bytes] | None:
        entry = self._entries.get(file.path)
        return entry.xattrs if entry is not None else None

    def device(self, file: File) -> tuple[int, int]:
        """Major and minor number of a device."""
        entry = self._entries[file.path]
        return entry.major, entry.minor

    def _read(self, source: ByteSource, spool: int) -> None:
        at = 0
        for entry in read_entries(source):
            name = os.fsdecode(entry.name)
            path = clean(name)
            if path is None:
                raise Invalid(f"the archive names a path outside: {name[:200]}")
            if len(self._members) > MOST:
                raise Invalid(f"an archive with more than {MOST} members")
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
        link = os.fsdecode(entry.linkname) if entry.kind == Kind.SYMLINK else ""
        file = File(path, entry.kind, entry.mode, entry.uid, entry.gid, entry.mtime_ns, entry.size, link)
        self._put(file, places)
        self._entries[path] = entry

    def _link(self, path: str, entry: TarEntry) -> None:
        target = clean(os.fsdecode(entry.linkname))
        member = self._members.get(target) if target else None
        if target is None or member is None or member.is_directory:
            raise Invalid(f"a hard link to nothing in the archive: {path[:200]}")
        self._add(path, self._entries[target], self._places.get(target, []))
        self._shared[path] = self._shared.setdefault(target, target)
