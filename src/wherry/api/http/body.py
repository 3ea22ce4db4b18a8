"""The body of a request: lengths and chunks undone, for a task or for a thread.

The decoders are pure: they take from a buffer that someone else fills. `BlockingBody` is a raw file for code
that reads in a thread (unpacking an archive): it reads the client's socket itself, so a body of gigabytes
never passes through the event loop.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Protocol

from wherry.api.http.head import BadRequest

_MAX_CHUNK_LINE = 4096
_MAX_TRAILERS = 16 * 1024


class Decoder(Protocol):
    """Takes a body out of the buffer that it arrives in."""

    done: bool
    """The body's last byte has been taken."""

    def take(self, buffer: bytearray, limit: int) -> bytes:
        """Remove and return at most `limit` bytes of body; b"" means done, or that more must arrive first.

        Raises BadRequest on malformed framing.
        """


class LengthDecoder:
    """A body of a known number of bytes."""

    def __init__(self, length: int) -> None:
        self._left = length
        self.done = length == 0

    def take(self, buffer: bytearray, limit: int) -> bytes:
        piece = _cut(buffer, min(self._left, limit))
        self._left -= len(piece)
        self.done = self._left == 0
        return piece


class ChunkedDecoder:
    """A body in chunks (RFC 9112 section 7.1); extensions and trailers are read and dropped."""

    def __init__(self) -> None:
        self.done = False
        self._left = 0
        self._stage = _SIZE
        self._trailers = 0

    def take(self, buffer: bytearray, limit: int) -> bytes:
        while not self.done:
            if self._stage == _DATA:
                piece = _cut(buffer, min(self._left, limit))
                self._left -= len(piece)
                if self._left == 0:
                    self._stage = _DATA_END
                return piece
            line = self._line(buffer)
            if line is None:
                return b""
            if self._stage == _DATA_END:
                if line:
                    raise BadRequest("malformed chunk")
                self._stage = _SIZE
            elif self._stage == _SIZE:
                self._left = _chunk_size(line)
                self._stage = _DATA if self._left else _TRAILERS
            elif line:
                self._trailers += len(line)
                if self._trailers > _MAX_TRAILERS:
                    raise BadRequest("too many trailers", 431)
            else:
                self.done = True
        return b""

    def _line(self, buffer: bytearray) -> bytes | None:
        end = buffer.find(b"\r\n", 0, _MAX_CHUNK_LINE)
        if end < 0:
            if len(buffer) >= _MAX_CHUNK_LINE:
                raise BadRequest("malformed chunk")
            return None
        line = bytes(buffer[:end])
        del buffer[: end + 2]
        return line


_HEX = frozenset(b"0123456789abcdefABCDEF")
_SIZE, _DATA, _DATA_END, _TRAILERS = range(4)


def _chunk_size(line: bytes) -> int:
    digits = line.partition(b";")[0].strip(b" \t")
    if not 0 < len(digits) < 16 or not _HEX.issuperset(digits):  # int() alone takes "0x5" and "1_0" too
        raise BadRequest("malformed chunk size")
    return int(digits, 16)


def _cut(buffer: bytearray, count: int) -> bytes:
    if count >= len(buffer):
        piece = bytes(buffer)
        buffer.clear()
        return piece
    piece = bytes(buffer[:count])
    del buffer[:count]
    return piece


class BlockingBody(io.RawIOBase):
    """A request's body as a raw, readable file for one thread; not seekable; `close` leaves the rest unread.

    Raises ConnectionError when the client goes away before the end, BadRequest on malformed framing.
    """

    def __init__(self, decoder: Decoder, buffer: bytearray, fill: Callable[[], None]) -> None:
        """`fill` blocks until it has added something to `buffer`, and raises ConnectionError at the end."""
        super().__init__()
        self._decoder = decoder
        self._buffer = buffer
        self._fill = fill

    def readable(self) -> bool:
        return True

    def readinto(self, target: memoryview) -> int:  # type: ignore[override]
        view = memoryview(target).cast("B")
        piece = self._take(len(view))
        view[: len(piece)] = piece
        return len(piece)

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0:
            return self.readall()
        return self._take(size)

    def _take(self, limit: int) -> bytes:
        if limit == 0:
            return b""
        while True:
            piece = self._decoder.take(self._buffer, limit)
            if piece or self._decoder.done:
                return piece
            self._fill()
