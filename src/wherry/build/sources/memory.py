"""A few files that are nowhere: heredocs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

from wherry.build.sources.files import File, Files
from wherry.store.tar import Kind

__all__ = ["MemoryFiles"]


class MemoryFiles(Files):
    """Regular files of mode 0644 in one directory, by name."""

    def __init__(self, contents: Mapping[str, bytes], mtime_ns: int = 0) -> None:
        self._contents = contents
        self._mtime_ns = mtime_ns

    def lookup(self, path: str) -> File | None:
        if not path:
            return File("", Kind.DIRECTORY, 0o755, 0, 0, self._mtime_ns, 0)
        content = self._contents.get(path)
        if content is None:
            return None
        return File(path, Kind.FILE, 0o644, 0, 0, self._mtime_ns, len(content))

    def children(self, path: str) -> list[File]:
        if path:
            return []
        return [file for name in sorted(self._contents) if (file := self.lookup(name)) is not None]

    def digest(self, file: File) -> bytes:
        return hashlib.sha256(self._contents[file.path]).digest()

    def read(self, file: File) -> Iterator[bytes]:
        yield self._contents[file.path]

    def close(self) -> None:
        """There is nothing to free."""
