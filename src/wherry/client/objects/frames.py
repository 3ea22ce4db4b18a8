"""What streams carry as Python values: Docker's frames, lines, JSON documents, bytes as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wherry.client.codec import decode
from wherry.errors import Internal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wherry.client.http import Stream

STDOUT, STDERR = 1, 2


class Frames:
    """(1 or 2, bytes) for standard output and error; `raw`: a terminal's bytes, all of them output."""

    def __init__(self, *, raw: bool) -> None:
        self._raw = raw
        self._rest = b""

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        if self._raw:
            return [(STDOUT, data)]
        rest, position = self._rest + data, 0
        found = []
        while len(rest) - position >= 8:
            kind = rest[position]
            if kind > 3 or rest[position + 1 : position + 4] != b"\0\0\0":
                raise Internal("the engine's stream is not in Docker's frames")
            end = position + 8 + int.from_bytes(rest[position + 4 : position + 8], "big")
            if len(rest) < end:
                break
            found.append((max(kind, STDOUT), rest[position + 8 : end]))
            position = end
        self._rest = rest[position:]
        return found

    def end(self) -> list[tuple[int, bytes]]:
        return []


class Lines:
    """Text lines without their ends, of the output and errors in `Frames`; the last one may lack its end."""

    def __init__(self, *, raw: bool) -> None:
        self._frames = Frames(raw=raw)
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        found = []
        for _, piece in self._frames.feed(data):
            *whole, self._rest = (self._rest + piece).split(b"\n")
            found += [line.rstrip(b"\r").decode("utf-8", "replace") for line in whole]
        return found

    def end(self) -> list[str]:
        return [self._rest.decode("utf-8", "replace")] if self._rest else []


class Documents:
    """JSON documents, one a line."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Any]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [decode(line) for line in lines if line.strip()]

    def end(self) -> list[Any]:
        return [decode(self._rest)] if self._rest.strip() else []


class Pieces:
    """Bytes as they come."""

    def feed(self, data: bytes) -> list[bytes]:
        return [data]

    def end(self) -> list[bytes]:
        return []


def split(pieces: Iterable[bytes], *, raw: bool) -> Iterator[tuple[int, bytes]]:
    """The frames of a stream that is read by an iterator."""
    frames = Frames(raw=raw)
    for piece in pieces:
        yield from frames.feed(piece)


def gathered(pieces: Iterable[bytes], *, raw: bool) -> tuple[bytes, bytes]:
    """All of standard output, and all of standard error."""
    found: tuple[list[bytes], list[bytes]] = ([], [])
    for kind, data in split(pieces, raw=raw):
        found[kind == STDERR].append(data)
    return b"".join(found[0]), b"".join(found[1])


def received(stream: Stream, left: bytes) -> Iterator[bytes]:
    """What comes over an upgraded connection until its end; closes it."""
    try:
        if left:
            yield left
        while True:
            try:
                piece = stream.recv(1 << 18)
            except ConnectionResetError:
                return
            if not piece:
                return
            yield piece
    finally:
        stream.close()
