"""The body of a request: lengths and chunks undone. Pure: taken from a buffer that someone else fills."""

from __future__ import annotations

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
