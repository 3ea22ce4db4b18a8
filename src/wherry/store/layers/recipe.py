"""The recipe of a layer: what it takes, besides its unpacked files, to give the archive back byte for byte.

`save` and `push` must produce the archive whose digest is the diff id, but keeping it would double the disk
space of every image. So everything in the archive that is not content (headers, padding, trailer: highly
compressible) is kept, with notes of which file's content goes where:

    zstd( { u32 length, that many literal bytes }
          { u16 path length, path, u32 runs, runs of (u64 offset, u64 length) } … )

A path length of 0xFFFF ends it. A file that a later member of the same archive replaced was moved aside; the
list `displaced` says from which note on a path no longer means what is in the tree.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

import zstandard

from wherry.errors import Internal
from wherry.linux import resolve
from wherry.store.tar.source import ByteSource

__all__ = ["Displaced", "RecipeWriter", "replay"]

_U32 = Struct(">I")
_U16 = Struct(">H")
_RUN = Struct(">QQ")
_END = 0xFFFF
_FLUSH = 256 * 1024
_CHUNK = 1 << 20


class Displaced(NamedTuple):
    """From note number `note` on, what was at `path` is at `aside/<place>`."""

    note: int
    path: bytes
    place: int


class RecipeWriter:
    """Writes one recipe file. `keep` literal bytes, `content` for each file, in the archive's order."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "xb", buffering=0)
        self._compressor = zstandard.ZstdCompressor(level=1).compressobj()
        self._literal: list[bytes] = []
        self._pending: list[bytes] = []
        self._pending_size = 0
        self.notes = 0
        self.keep = self._literal.append

    def content(self, path: bytes, runs: list[tuple[int, int]]) -> None:
        """Here comes the content of `path`: the bytes at each (offset, length)."""
        literal = b"".join(self._literal)
        self._literal.clear()
        pending = self._pending
        pending += (_U32.pack(len(literal)), literal, _U16.pack(len(path)), path, _U32.pack(len(runs)))
        for run in runs:
            pending.append(_RUN.pack(*run))
        self.notes += 1
        self._pending_size += len(literal) + 16 * len(runs)
        if self._pending_size > _FLUSH:
            self._flush()

    def finish(self) -> None:
        """Write the end; the file is not synced."""
        literal = b"".join(self._literal)
        self._pending += (_U32.pack(len(literal)), literal, _U16.pack(_END))
        self._flush()
        self._file.write(self._compressor.flush())
        self._file.close()

    def close(self) -> None:
        """Close without an end."""
        self._file.close()

    def _flush(self) -> None:
        view = memoryview(self._compressor.compress(b"".join(self._pending)))
        self._pending.clear()
        self._pending_size = 0
        while view:
            view = view[self._file.write(view) :]


def replay(directory: str) -> Iterator[bytes]:
    """The archive of the layer in `directory`, as it was. Not verified: the caller compares the digest.

    Raises Internal when a file of it is missing.
    """
    root = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield from _replay(directory, root)
    finally:
        os.close(root)


def _replay(directory: str, root: int) -> Iterator[bytes]:
    with open(os.path.join(directory, "recipe"), "rb") as file:
        reader = zstandard.ZstdDecompressor().stream_reader(file)
        source = ByteSource(iter(lambda: reader.read(_FLUSH), b""))
        displaced = _read_displaced(directory)
        note = 0
        while True:
            (size,) = _U32.unpack(source.take(4))
            for piece in source.pieces(size):
                yield bytes(piece)
            (length,) = _U16.unpack(source.take(2))
            if length == _END:
                return
            path = source.take(length)
            (count,) = _U32.unpack(source.take(4))
            runs = [_RUN.unpack(source.take(16)) for _ in range(count)]
            if any(length for _, length in runs):
                yield from _content(root, _place(path, note, displaced), runs)
            note += 1


def write_displaced(directory: str, displaced: list[Displaced]) -> None:
    """Keep the list of files that were replaced within the archive (no file when there are none)."""
    if displaced:
        rows = [[item.note, os.fsdecode(item.path), item.place] for item in displaced]
        with open(os.path.join(directory, "displaced"), "x", encoding="ascii") as file:
            json.dump(rows, file)


def _read_displaced(directory: str) -> list[Displaced]:
    try:
        with open(os.path.join(directory, "displaced"), encoding="ascii") as file:
            return [Displaced(note, os.fsencode(path), place) for note, path, place in json.load(file)]
    except FileNotFoundError:
        return []


def _place(path: bytes, note: int, displaced: list[Displaced]) -> bytes:
    for item in displaced:
        if item.note > note and (path == item.path or path.startswith(item.path + b"/")):
            return b"aside/%d" % item.place + path[len(item.path) :]
    return b"fs/" + path


def _content(directory: int, place: bytes, runs: list[tuple[int, int]]) -> Iterator[bytes]:
    try:
        # In-root, although paths in a recipe have no links in them: a damaged layer must not read elsewhere.
        fd = resolve.open_in(directory, os.fsdecode(place), os.O_RDONLY | os.O_NOFOLLOW)
    except OSError as error:
        raise Internal(f"layer is damaged: {os.fsdecode(place)}: {error.strerror}") from error
    try:
        for offset, length in runs:
            while length:
                data = os.pread(fd, min(length, _CHUNK), offset)
                if not data:
                    raise Internal(f"layer is damaged: {os.fsdecode(place)} is too short")
                yield data
                offset += len(data)
                length -= len(data)
    finally:
        os.close(fd)
