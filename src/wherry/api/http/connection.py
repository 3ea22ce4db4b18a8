"""One client's connection: requests one after another, on a socket that can be taken away.

The socket is not blocking and is watched by the loop directly, without an asyncio transport, because a
transport keeps its socket. While a handler runs the socket is still read, up to `_READ_AHEAD` bytes, to
notice a client that goes away.
"""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from wherry.api.http.head import MAX_HEAD, BadRequest, Head, parse_head
from wherry.api.http.request import Request
from wherry.api.http.response import Response

_READ = 256 * 1024
_READ_AHEAD = 1024 * 1024
_SKIP_BODY = 256 * 1024
_HEAD_TIMEOUT = 60.0
"""Seconds that a head may take once its first byte is there."""


class Peer(NamedTuple):
    """Who is at the other end: ids as this user namespace sees them. Pid 0: behind TLS; -1: TCP."""

    pid: int
    uid: int
    gid: int


Piece = bytes | memoryview
Handler = Callable[[Request], Awaitable[None]]


class Connection:
    """Serves one client until it goes away, asks for the end, or a handler takes the socket."""

    __slots__ = (
        "_closed",
        "_eof",
        "_handler",
        "_loop",
        "_reading",
        "_request",
        "_sock",
        "_task",
        "_waiter",
        "buffer",
        "closing",
        "keep_alive",
        "peer",
    )

    def __init__(self, sock: socket.socket, peer: Peer, handler: Handler) -> None:
        self._sock = sock
        self.peer = peer
        self._handler = handler
        self._loop = asyncio.get_running_loop()
        self.buffer = bytearray()
        self.keep_alive = True
        self.closing = False
        self._closed = False
        self._eof = False
        self._reading = False
        self._request: Request | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def idle(self) -> bool:
        """Whether it waits for its next request."""
        return self._request is None and not self.buffer

    async def serve(self) -> None:
        """Answer requests until the end. Raises nothing but cancellation, and closes the socket."""
        self._task = asyncio.current_task()
        self._resume_reading()
        try:
            while not self.closing:
                head = await self._next_head()
                if head is None:
                    break
                await self._answer(head)
        except BadRequest as error:
            await self._refuse(error)
        except (ConnectionError, TimeoutError):
            pass
        finally:
            self.close()

    def close(self) -> None:
        """Close the socket if it is still ours."""
        if not self._closed:
            self._closed = True
            self.pause_reading()
            self._sock.close()

    def stop(self) -> None:
        """End at the next chance: now if it is idle or only streams, else when it has answered."""
        self.closing = True
        streams = self._request is not None and self._request.cancellable
        if (self.idle or streams) and self._task is not None:
            self._task.cancel()

    def release(self) -> tuple[socket.socket, bytes]:
        """Hand out the socket and what was read of it but not used. The connection forgets both."""
        self.pause_reading()
        self._closed = True
        self.closing = True
        early = bytes(self.buffer)
        self.buffer.clear()
        return self._sock, early

    # -- requests

    async def _next_head(self) -> Head | None:
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            if not self.buffer:
                await self._first_byte()
            async with asyncio.timeout(_HEAD_TIMEOUT):
                while (end := self.buffer.find(b"\r\n\r\n")) < 0:
                    if len(self.buffer) > MAX_HEAD:
                        raise BadRequest("request header fields too large", 431)
                    if self._eof:
                        return None
                    await self.fill()
        if end > MAX_HEAD:
            raise BadRequest("request header fields too large", 431)
        head = parse_head(bytes(self.buffer[:end]))
        del self.buffer[: end + 4]
        return head

    async def _first_byte(self) -> None:
        while not self.buffer and not self._eof:
            await self._wait()

    async def _answer(self, head: Head) -> None:
        if not head.keep_alive:
            self.closing = True
        self.keep_alive = not self.closing
        request = self._request = Request(self, head)
        try:
            await self._handler(request)
            if request.hijacked:
                return
            stream = request.stream_open
            if stream is not None:
                if not stream.finished:
                    await stream.finish()
            elif not request.answered:
                await request.respond(Response(204))
            if not self.closing and not await request.skip_body(_SKIP_BODY):
                self.closing = True
        except asyncio.CancelledError:
            self.closing = True
            if not self._eof or request.hijacked:
                raise
            # else by _on_gone: there is nobody left to tell
        finally:
            self._request = None
            if not self._closed:
                self._resume_reading()

    async def _refuse(self, error: BadRequest) -> None:
        self.keep_alive = False
        body = b'{"message":"' + error.message.replace('"', "'").encode() + b'"}\n'
        try:
            await self.send([Response(error.status, body).encode("", keep_alive=False, head_only=False)])
            await self._linger()
        except (ConnectionError, TimeoutError):
            pass

    async def _linger(self) -> None:
        """Let the client read the answer: closing with unread input would reset the connection under it."""
        self._sock.shutdown(socket.SHUT_WR)
        async with asyncio.timeout(1):
            while not self._eof:
                self.buffer.clear()
                await self.fill()

    async def allow_body(self, head: Head) -> None:
        """Answer `Expect: 100-continue`, once the handler wants the body."""
        if head.headers.get("expect", "").lower() == "100-continue" and not self.buffer:
            await self.send([b"HTTP/1.1 100 Continue\r\n\r\n"])

    # -- reading

    def _resume_reading(self) -> None:
        if not self._reading and not self._eof and not self._closed:
            self._reading = True
            self._loop.add_reader(self._sock, self._on_readable)

    def pause_reading(self) -> None:
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._sock)

    def _on_readable(self) -> None:
        try:
            data = self._sock.recv(_READ)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if data:
            self.buffer += data
            if len(self.buffer) >= _READ_AHEAD:
                self.pause_reading()
        else:
            self._eof = True
            self.pause_reading()
        waiter = self._waiter
        if waiter is not None:
            if not waiter.done():
                waiter.set_result(None)
        elif self._eof:
            self._on_gone()

    def _on_gone(self) -> None:
        """End a handler that only serves this client, if it has really gone and not just closed its half."""
        request, task = self._request, self._task
        if request is not None and task is not None and request.cancellable and self._hung_up():
            task.cancel()

    def _hung_up(self) -> bool:
        if self._sock.family != socket.AF_UNIX:
            return True  # as net/http has it: TCP doesn't tell a half-closed peer from a gone one
        poll = select.poll()
        poll.register(self._sock, 0)  # POLLHUP comes unasked, once both directions are shut
        return bool(poll.poll(0))

    async def fill(self) -> None:
        """Wait until more has arrived. Raises ConnectionError when nothing more will."""
        before = len(self.buffer)
        while len(self.buffer) == before:
            if self._eof:
                raise ConnectionResetError("the client has gone")
            await self._wait()

    async def _wait(self) -> None:
        self._resume_reading()
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    # -- writing

    async def send(self, pieces: list[Piece]) -> None:
        """Send all, waiting while the client is slow. Raises ConnectionError when the client has gone."""
        rest = self._send_some(pieces)
        while rest:
            future = self._loop.create_future()
            self._loop.add_writer(self._sock, _wake, future)
            try:
                await future
            finally:
                self._loop.remove_writer(self._sock)
            rest = self._send_some(rest)

    def _send_some(self, pieces: list[Piece]) -> list[Piece]:
        """Send what the socket takes now and return the rest, without copying it."""
        if self._closed:
            raise ConnectionResetError("the connection is closed")
        try:
            sent = self._sock.sendmsg(pieces, [], socket.MSG_NOSIGNAL)
        except (BlockingIOError, InterruptedError):
            return pieces
        for index, piece in enumerate(pieces):
            if sent < len(piece):
                return [memoryview(piece)[sent:], *pieces[index + 1 :]]
            sent -= len(piece)
        return []


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
