"""A stream of byte chunks, read in the portions that a tar reader wants, without copying content."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from wherry.errors import Invalid

__all__ = ["ByteSource"]


class ByteSource:
    """Not thread-safe. Views handed out stay valid: chunks are never reused."""

    __slots__ = ("_chunk", "_chunks", "_end", "_start", "position")

    def __init__(self, chunks: Iterable[bytes | memoryview]) -> None:
        self._chunks = iter(chunks)
        self._chunk = memoryview(b"")
        self._start = 0
        self._end = 0
        self.position = 0  # bytes taken so far

    def take(self, count: int) -> bytes:
        """Exactly `count` bytes; raises Invalid when the stream ends before."""
        start = self._start
        stop = start + count
        if stop <= self._end:
            self._start = stop
            self.position += count
            return bytes(self._chunk[start:stop])
        return b"".join(self.pieces(count))

    def peek(self, count: int) -> bytes:
        """Up to `count` bytes without taking them; fewer only at the end of the stream."""
        while self._end - self._start < count:
            rest = bytes(self._chunk[self._start : self._end])
            following = next(self._chunks, None)
            if following is None:
                break
            self._chunk = memoryview(rest + bytes(following)) if rest else memoryview(following)
            self._start, self._end = 0, len(self._chunk)
        return bytes(self._chunk[self._start : min(self._end, self._start + count)])

    def pieces(self, count: int) -> Iterator[memoryview]:
        """The next `count` bytes as views; raises Invalid when the stream ends before."""
        while count > 0:
            available = self._end - self._start
            if available == 0:
                if not self._refill():
                    raise Invalid("unexpected end of archive", hint="the file was cut short")
                continue
            size = available if available < count else count
            piece = self._chunk[self._start : self._start + size]
            self._start += size
            self.position += size
            count -= size
            yield piece

    def skip(self, count: int) -> None:
        """Pass over `count` bytes; raises Invalid when the stream ends before."""
        if count <= self._end - self._start:
            self._start += count
            self.position += count
            return
        for _ in self.pieces(count):
            pass

    def rest(self) -> Iterator[memoryview]:
        """Everything that is left."""
        while self._end > self._start or self._refill():
            piece = self._chunk[self._start : self._end]
            self.position += len(piece)
            self._start = self._end
            yield piece

    def _refill(self) -> bool:
        for chunk in self._chunks:
            if len(chunk):
                self._chunk = memoryview(chunk)
                self._start, self._end = 0, len(chunk)
                return True
        return False
