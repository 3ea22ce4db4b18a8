"""One request and the ways to read its body and to answer it."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING

from wherry.api.http.body import ChunkedDecoder, Decoder, LengthDecoder
from wherry.api.http.head import BadRequest, Head
from wherry.api.http.response import Response, ResponseStream, stream_head

if TYPE_CHECKING:
    from wherry.api.http.connection import Connection

MAX_WHOLE_BODY = 16 * 1024 * 1024
"""Bytes that `body` keeps in memory; bodies that may be longer are read with `chunks`."""

_PIECE = 1024 * 1024


class Request:
    """What a handler is given. It answers once: with `respond`, `stream` or `hijack`."""

    __slots__ = (
        "_connection",
        "_decoder",
        "answered",
        "base",
        "cancellable",
        "head",
        "hijacked",
        "stream_open",
    )

    def __init__(self, connection: Connection, head: Head) -> None:
        self._connection = connection
        self.head = head
        self._decoder: Decoder = ChunkedDecoder() if head.length is None else LengthDecoder(head.length)
        self.base = ""
        """Header lines that go into whatever response comes."""
        self.answered = False
        self.hijacked = False
        self.stream_open: ResponseStream | None = None
        self.cancellable = False
        """Whether a client that goes away ends the handler (a wait, a stream) or not (a change)."""

    @property
    def from_browser(self) -> bool:
        """Whether a page could have sent it: on TCP without TLS, from another origin or to another name."""
        if self._connection.peer.pid >= 0:
            return False
        host = self.head.headers.get("host", "")
        name = (host.rpartition(":")[0] if host[-1:].isdigit() and ":" in host else host).strip("[]")
        # A page of elsewhere has a name of elsewhere, also when that was made to mean this machine.
        ours = "." not in name or name.startswith("127.") or name.endswith(".localhost")
        return "origin" in self.head.headers or not ours

    @property
    def has_body(self) -> bool:
        return self.head.length != 0

    @property
    def body_done(self) -> bool:
        return self._decoder.done

    async def body(self) -> bytes:
        """The whole body. Raises BadRequest (413) above MAX_WHOLE_BODY, ConnectionError if it is cut off."""
        await self._connection.allow_body(self.head)
        pieces: list[bytes] = []
        size = 0
        while not self._decoder.done:
            piece = self._decoder.take(self._connection.buffer, MAX_WHOLE_BODY)
            if piece:
                pieces.append(piece)
                size += len(piece)
                if size > MAX_WHOLE_BODY:
                    raise BadRequest("request body too large", 413)
            elif not self._decoder.done:
                await self._connection.fill()
        return b"".join(pieces)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body in pieces as large as what has arrived, which for a busy reader is hundreds of kilobytes.

        Raises ConnectionError if it is cut off.
        """
        await self._connection.allow_body(self.head)
        while not self._decoder.done:
            pieces = []
            while piece := self._decoder.take(self._connection.buffer, _PIECE):
                pieces.append(piece)
            if pieces:
                yield pieces[0] if len(pieces) == 1 else b"".join(pieces)
            elif not self._decoder.done:
                await self._connection.fill()

    async def skip_body(self, limit: int) -> bool:
        """Read on to the end of the body if it is at most `limit` bytes away; False when it isn't."""
        while not self._decoder.done:
            piece = self._decoder.take(self._connection.buffer, 65536)
            limit -= len(piece)
            if limit < 0:
                return False
            if not piece and not self._decoder.done:
                await self._connection.fill()
        return True

    async def respond(self, response: Response) -> None:
        """Send a whole response."""
        self.answered = True
        if not self.body_done and self.head.headers.get("expect"):
            self._connection.closing = True  # whether the client sends the body now can't be known
        keep_alive = self._connection.keep_alive and not self._connection.closing
        data = response.encode(self.base, keep_alive=keep_alive, head_only=self.head.method == "HEAD")
        await self._connection.send([data])

    async def stream(
        self, content_type: str, *, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> ResponseStream:
        """Send the head of a response at once and return the writer of its body."""
        self.answered = True
        chunked = not self.head.http_1_0
        if not chunked:
            self._connection.closing = True
        keep_alive = self._connection.keep_alive and not self._connection.closing
        head = stream_head(
            status, content_type, self.base, headers or {}, chunked=chunked, keep_alive=keep_alive
        )
        await self._connection.send([head])
        self.stream_open = ResponseStream(self._connection, chunked=chunked)
        return self.stream_open

    async def hijack(self, head: bytes) -> tuple[socket.socket, bytes]:
        """Send `head`; take the socket (not blocking) and what was read of it. Both are the caller's."""
        self.answered = True
        self.hijacked = True
        await self._connection.send([head])
        return self._connection.release()
