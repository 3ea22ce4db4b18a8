"""Docker's multiplexed stream as Python values: (stream, bytes) pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.errors import Internal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wherry.client.http import Stream

STDOUT, STDERR = 1, 2


def split(pieces: Iterable[bytes], *, raw: bool) -> Iterator[tuple[int, bytes]]:
    """(1 or 2, bytes) for standard output and error; `raw`: a terminal's bytes, all of them output."""
    if raw:
        for piece in pieces:
            yield STDOUT, piece
        return
    rest = b""
    for piece in pieces:
        rest += piece
        position = 0
        while len(rest) - position >= 8:
            kind = rest[position]
            if kind > 3 or rest[position + 1 : position + 4] != b"\0\0\0":
                raise Internal("the engine's stream is not in Docker's frames")
            end = position + 8 + int.from_bytes(rest[position + 4 : position + 8], "big")
            if len(rest) < end:
                break
            yield max(kind, STDOUT), rest[position + 8 : end]
            position = end
        rest = rest[position:]


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


def lines(pieces: Iterable[bytes]) -> Iterator[str]:
    """Text lines without their ends, as they are complete; the last one may lack its end."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line.rstrip(b"\r").decode("utf-8", "replace")
    if rest:
        yield rest.decode("utf-8", "replace")
