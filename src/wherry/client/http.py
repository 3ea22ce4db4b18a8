"""HTTP/1.1 as far as an engine speaks it: one request at a time on one connection, written by hand.

`http.client` costs 40 ms of imports (email, ssl, …), which every command would pay. What is here: requests
with a body of known length or in chunks; responses with a length, in chunks, or until the end of the
connection; keep-alive; and upgrades, after which the connection belongs to the caller.
"""

from __future__ import annotations

from wherry.client.codec import decode
from wherry.errors import Unavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, Protocol

    class Stream(Protocol):
        """What a connection needs of a socket: plain ones, TLS ones and those of `_socket` have it."""

        def recv(self, size: int, /) -> bytes: ...
        def recv_into(self, buffer: bytearray | memoryview, /) -> int: ...
        def send(self, data: bytes | memoryview, /) -> int: ...
        def sendall(self, data: bytes, /) -> None: ...
        def shutdown(self, how: int, /) -> None: ...
        def fileno(self) -> int: ...
        def close(self) -> None: ...
        def settimeout(self, value: float | None, /) -> None: ...


_HEAD_LIMIT = 1 << 20  # bytes of status line and headers
_PIECE = 1 << 18  # bytes asked of the socket at once


def request_head(
    method: str,
    path: str,
    headers: dict[str, str] | None,
    body: bytes | Iterable[bytes] | None,
) -> bytes:
    """What stands before the body of a request. Raises ValueError for a header with a line break."""
    lines = [f"{method} {path} HTTP/1.1\r\nHost: wherry\r\nUser-Agent: wherry"]
    for name, value in (headers or {}).items():
        if "\r" in value or "\n" in value:
            raise ValueError(f"a line break in the header {name}")
        lines.append(f"{name}: {value}")
    if body is not None and not isinstance(body, bytes):
        lines.append("Transfer-Encoding: chunked")
    elif body is not None or method in ("POST", "PUT"):
        lines.append(f"Content-Length: {len(body or b'')}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def response_head(head: bytes) -> tuple[int, dict[str, str]]:
    """The status and the headers, their names in lower case, of the lines before the first empty one."""
    lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return int(lines[0].split(" ", 2)[1]), headers


class Connection:
    """One connection to an engine. Not thread-safe; closed by whoever made it."""

    __slots__ = ("_buffer", "_start", "sock")

    def __init__(self, sock: Stream) -> None:
        self.sock = sock
        self._buffer = b""  # what was read; its first _start bytes have been used
        self._start = 0

    def send(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        body: bytes | Iterable[bytes] | None = None,
    ) -> None:
        """Write one request.

        An iterable body goes in chunks; an engine that answers early ends the upload.
        """
        if body is None or isinstance(body, bytes):
            self.sock.sendall(request_head(method, path, headers, body) + (body or b""))
            return
        try:
            self.sock.sendall(request_head(method, path, headers, body))
            for piece in body:
                if piece:
                    self.sock.sendall(b"%x\r\n" % len(piece))
                    self.sock.sendall(piece)
                    self.sock.sendall(b"\r\n")
            self.sock.sendall(b"0\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            pass  # it refused the rest: the answer that waits to be read says why

    def receive(self) -> Response:
        """The head of the next response; its body waits in it.

        Raises Unavailable when the engine hangs up.
        """
        while True:
            status, headers = response_head(self._until(b"\r\n\r\n"))
            if status == 100 or 101 < status < 200:
                continue
            return Response(self, status, headers)

    def close(self) -> None:
        self.sock.close()

    def _fill(self) -> bool:
        """Read more into the buffer; False at the end of the connection."""
        data = self.sock.recv(_PIECE)
        if not data:
            return False
        self._buffer = self._buffer[self._start :] + data
        self._start = 0
        return True

    def _until(self, mark: bytes) -> bytes:
        """What comes before `mark`, which is consumed with it."""
        searched = self._start
        while (end := self._buffer.find(mark, searched)) < 0:
            if len(self._buffer) - self._start > _HEAD_LIMIT:
                raise Unavailable("the engine sent an endless header")
            searched = max(0, len(self._buffer) - self._start - len(mark) + 1)  # as _fill moves it
            try:
                more = self._fill()
            except ConnectionResetError:
                more = False
            if not more:
                raise Unavailable(
                    "the engine closed the connection before it answered",
                    hint="run the command again; `wherry engine status` shows whether it is there",
                )
        found = self._buffer[self._start : end]
        self._start = end + len(mark)
        return found

    def _some(self, limit: int) -> bytes:
        """Between 1 and `limit` bytes; empty at the end of the connection."""
        held = len(self._buffer) - self._start
        if not held:
            return self.sock.recv(min(limit, _PIECE))
        found = self._buffer[self._start : self._start + limit]
        self._start += len(found)
        return found


class Response:
    """A response whose head has been read. The body must be read before the next one can be received."""

    __slots__ = ("_connection", "headers", "status")

    def __init__(self, connection: Connection, status: int, headers: dict[str, str]) -> None:
        self._connection = connection
        self.status = status
        self.headers = headers

    def chunks(self) -> Iterator[bytes]:
        """The body in pieces as they arrive; blocks between them. Raises Unavailable when it is cut short."""
        connection = self._connection
        if self.status in (204, 304) or self.status == 101:
            return
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            while True:
                left = int(connection._until(b"\r\n").split(b";")[0], 16)
                if left == 0:
                    while connection._until(b"\r\n"):
                        pass
                    return
                yield from self._exactly(left)
                connection._until(b"\r\n")
        elif "content-length" in self.headers:
            yield from self._exactly(int(self.headers["content-length"]))
        else:
            while piece := connection._some(_PIECE):
                yield piece

    def _exactly(self, left: int) -> Iterator[bytes]:
        while left:
            piece = self._connection._some(left)
            if not piece:
                raise Unavailable("the engine closed the connection in the middle of an answer")
            left -= len(piece)
            yield piece

    def read(self) -> bytes:
        """The whole body."""
        return b"".join(self.chunks())

    def json(self) -> Any:
        """The body as one JSON document; None when there is none."""
        body = self.read()
        return decode(body) if body.strip() else None

    def documents(self) -> Iterator[Any]:
        """The body as JSON documents, one a line, as they arrive."""
        rest = b""
        for piece in self.chunks():
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                if line.strip():
                    yield decode(line)
        if rest.strip():
            yield decode(rest)

    def upgraded(self) -> tuple[Stream, bytes]:
        """The socket of an upgraded connection and what was already read from it. The caller closes it."""
        connection = self._connection
        left = connection._buffer[connection._start :]
        connection._buffer, connection._start = b"", 0
        return connection.sock, left

    def settimeout(self, seconds: float | None) -> None:
        """How long the next reads wait for bytes before they raise TimeoutError; None for ever."""
        self._connection.sock.settimeout(seconds)

    def fileno(self) -> int:
        """The connection's descriptor, to wait on for more of a stream."""
        return self._connection.sock.fileno()

    def has_more(self) -> bool:
        """Whether some of what follows was read already, so that waiting on the descriptor would miss it."""
        connection = self._connection
        return len(connection._buffer) - connection._start > 2  # the end of a chunk is no news

    def close(self) -> None:
        """Give the connection up, e.g. in the middle of an endless stream."""
        self._connection.close()
