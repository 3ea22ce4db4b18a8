"""What goes back: a whole response as a value, or a stream of chunks that the handler writes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from wherry.api.http.connection import Connection

REASONS = {
    101: "UPGRADED",
    200: "OK",
    201: "Created",
    202: "Accepted",
    204: "No Content",
    304: "Not Modified",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    413: "Request Entity Too Large",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    505: "HTTP Version Not Supported",
}

BODILESS = frozenset({101, 204, 304})


class Response(NamedTuple):
    """A whole response. `length` announces the size of a body that is not sent (an answer to HEAD)."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = {}
    length: int | None = None

    def encode(self, base: str, *, keep_alive: bool, head_only: bool) -> bytes:
        """The bytes on the wire; `base` are header lines that every response has."""
        lines = [f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Unknown')}\r\n", base]
        for name, value in self.headers.items():
            lines.append(f"{name}: {one_line(value)}\r\n")
        if self.status not in BODILESS:
            if self.body:
                lines.append(f"Content-Type: {self.content_type}\r\n")
            lines.append(f"Content-Length: {len(self.body) if self.length is None else self.length}\r\n")
        if not keep_alive:
            lines.append("Connection: close\r\n")
        lines.append(f"Date: {http_date()}\r\n\r\n")
        head = "".join(lines).encode("utf-8")
        return head if head_only or self.status in BODILESS else head + self.body


class ResponseStream:
    """The body of a response whose length is not known: chunked, or up to the end of the connection for 1.0.

    Written by one task at a time. A client that has gone shows as ConnectionError.
    """

    __slots__ = ("_connection", "chunked", "finished")

    def __init__(self, connection: Connection, *, chunked: bool) -> None:
        self._connection = connection
        self.chunked = chunked
        self.finished = False

    async def write(self, data: bytes) -> None:
        """Send one piece, waiting while the client is slow to read."""
        if data:
            await self._connection.send(self._frame(data))

    async def finish(self) -> None:
        """Send the closing chunk. Without it the client sees a body that was cut off."""
        if not self.finished:
            self.finished = True
            if self.chunked:
                await self._connection.send([b"0\r\n\r\n"])

    def _frame(self, data: bytes) -> list[bytes | memoryview]:
        return [b"%x\r\n" % len(data), data, b"\r\n"] if self.chunked else [data]


def stream_head(
    status: int, content_type: str, base: str, headers: Mapping[str, str], *, chunked: bool, keep_alive: bool
) -> bytes:
    """The head of a response that a ResponseStream follows."""
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Unknown')}\r\n", base]
    lines.append(f"Content-Type: {content_type}\r\n")
    for name, value in headers.items():
        lines.append(f"{name}: {one_line(value)}\r\n")
    if chunked:
        lines.append("Transfer-Encoding: chunked\r\n")
    if not keep_alive:
        lines.append("Connection: close\r\n")
    lines.append(f"Date: {http_date()}\r\n\r\n")
    return "".join(lines).encode("utf-8")


def one_line(value: str) -> str:
    """A header value can't smuggle in a second header."""
    return value.replace("\r", " ").replace("\n", " ").replace("\0", " ")


_date = (0, "")


def http_date() -> str:
    """The time of day as RFC 9110 section 5.6.7 has it, made once a second."""
    global _date
    now = int(time.time())
    if _date[0] != now:
        _date = (now, time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(now)))
    return _date[1]
