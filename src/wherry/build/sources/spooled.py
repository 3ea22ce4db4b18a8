"""A tree whose contents lie one after another in an unnamed spool file; nothing is unpacked."""

from __future__ import annotations

import hashlib
import os
import posixpath
from collections.abc import Iterator

from wherry.build.ignore import Ignore
from wherry.build.sources.files import File, Files
from wherry.errors import Invalid
from wherry.store.tar import Kind

__all__ = ["MOST", "SpooledFiles"]

_CHUNK = 1 << 20
MOST = 2_000_000  # members
_LONGEST = 4096  # PATH_MAX


class SpooledFiles(Files):
    """What fills it calls `_put` for each member and notes in `_places` where the contents are."""

    _fd = -1

    def __init__(self) -> None:
        self.ignore = Ignore()
        self._members: dict[str, File] = {"": File("", Kind.DIRECTORY, 0o755, 0, 0, 0, 0)}
        self._places: dict[str, list[tuple[int, int, int]]] = {}  # offset in file, place in spool, length
        self._names: dict[str, set[str]] = {"": set()}
        self._digests: dict[str, bytes] = {}
        self._shared: dict[str, object] = {}

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
        return self._shared.get(file.path)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _put(self, file: File, places: list[tuple[int, int, int]]) -> None:
        """One member; it replaces what had its name. Raises Invalid for a path that no file can have."""
        path = file.path
        if len(path) >= _LONGEST:
            raise Invalid(f"a path of {len(path)} characters: {path[:100]}…")
        old = self._members.get(path)
        if old is not None and old.is_directory and not file.is_directory:
            self._drop(path)
        parent, _, name = path.rpartition("/")
        self._parents(parent)
        self._names[parent].add(name)
        if file.is_directory:
            self._names.setdefault(path, set())
        self._members[path] = file
        self._places[path] = places
        self._shared.pop(path, None)

    def _parents(self, path: str) -> None:
        """Make the directories above that nothing has named."""
        missing = []
        while path:
            member = self._members.get(path)
            if member is not None and member.is_directory:
                break
            missing.append(path)
            path = path.rpartition("/")[0]
        for path in reversed(missing):
            parent, _, name = path.rpartition("/")
            self._names[parent].add(name)
            self._names[path] = set()
            self._members[path] = File(path, Kind.DIRECTORY, 0o755, 0, 0, 0, 0)

    def _drop(self, path: str) -> None:
        """Forget what is below a directory."""
        pending = [path]
        while pending:
            path = pending.pop()
            for name in self._names.pop(path, ()):
                child = posixpath.join(path, name)
                self._members.pop(child, None)
                pending.append(child)
