"""The server's side of HTTP over real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from wherry.api.http import Listener, Request, Response

Talk = Callable[..., Awaitable[bytes]]


class Site:
    """A listener with a few paths that do what the tests need."""

    def __init__(self) -> None:
        self.cancelled = asyncio.Event()
        self.started = asyncio.Event()
        self.finished = asyncio.Event()
        self.raw: tuple[socket.socket, bytes] | None = None

    async def handle(self, request: Request) -> None:
        match request.head.path:
            case "/echo":
                await request.respond(Response(body=await request.body(), content_type="text/plain"))
            case "/unread":
                await request.respond(Response(body=b"no", content_type="text/plain"))
            case "/stream":
                stream = await request.stream("text/plain")
                for piece in (b"one", b"", b"two"):
                    await stream.write(piece)
            case "/big":
                stream = await request.stream("application/octet-stream")
                for _ in range(64):
                    await stream.write(b"x" * 1_000_000)
            case "/count":
                sizes = [len(piece) async for piece in request.chunks()]
                await request.respond(Response(body=str(sum(sizes)).encode()))
            case "/hang" | "/change":
                request.cancellable = request.head.path == "/hang"
                self.started.set()
                try:
                    await asyncio.sleep(0.2 if request.head.path == "/change" else 60)
                    self.finished.set()
                except asyncio.CancelledError:
                    self.cancelled.set()
                    raise
            case "/take":
                self.raw = await request.hijack(b"HTTP/1.1 101 UPGRADED\r\n\r\n")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[tuple[Site, str, Listener]]:
    made = Site()
    listener = Listener(made.handle)
    path = str(tmp_path / "s")
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(path)
    sock.listen()
    listener.listen(sock)
    yield made, path, listener
    await listener.close(1)


async def ask(path: str, request: bytes, *, end: bool = True) -> bytes:
    """Send, half-close, and read to the end."""
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        writer.write(request)
        if end:
            writer.write_eof()
        return await asyncio.wait_for(reader.read(), 60)
    finally:
        writer.close()


async def test_several_requests_on_one_connection(site: tuple[Site, str, Listener]) -> None:
    said = await ask(
        site[1],
        b"POST /echo HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"
        b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\n"
        b"GET /nothing HTTP/1.1\r\nConnection: close\r\n\r\n",
    )
    first, second, third = said.split(b"HTTP/1.1 ")[1:]
    assert first.startswith(b"200") and first.endswith(b"\r\n\r\nabc")
    assert second.endswith(b"\r\n\r\nde")
    assert third.startswith(b"204") and b"Connection: close" in third


async def test_a_body_nobody_read_does_not_become_a_request(site: tuple[Site, str, Listener]) -> None:
    said = await ask(
        site[1],
        b"POST /unread HTTP/1.1\r\nContent-Length: 20\r\n\r\nGET /x HTTP/1.1\r\n\r\n."
        b"POST /echo HTTP/1.1\r\nContent-Length: 2\r\n\r\nok",
    )
    assert said.count(b"HTTP/1.1 ") == 2
    assert said.endswith(b"ok")


async def test_streams_are_chunked_and_closed_for_old_clients(site: tuple[Site, str, Listener]) -> None:
    said = await ask(site[1], b"GET /stream HTTP/1.1\r\n\r\n")
    assert said.endswith(b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")
    said = await ask(site[1], b"GET /stream HTTP/1.0\r\n\r\n", end=False)
    assert said.endswith(b"\r\n\r\nonetwo") and b"chunked" not in said


async def test_a_head_has_no_body(site: tuple[Site, str, Listener]) -> None:
    said = await ask(site[1], b"HEAD /unread HTTP/1.1\r\n\r\n")
    assert b"Content-Length: 2\r\n" in said and said.endswith(b"\r\n\r\n")


async def test_expecting_clients_are_told_to_go_on(site: tuple[Site, str, Listener]) -> None:
    reader, writer = await asyncio.open_unix_connection(site[1])
    writer.write(b"POST /echo HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"ok")
    writer.write_eof()
    assert (await reader.read()).endswith(b"ok")
    writer.close()


async def test_bad_requests_are_answered_and_the_connection_ends(site: tuple[Site, str, Listener]) -> None:
    said = await ask(site[1], b"NONSENSE\r\n\r\n", end=False)
    assert said.startswith(b"HTTP/1.1 400 ")
    assert said.endswith(b'{"message":"malformed request line"}\n')
    assert (await ask(site[1], b"GET / HTTP/1.1\r\nA: " + b"x" * 300_000, end=False))[9:12] == b"431"


async def test_a_slow_reader_gets_everything(site: tuple[Site, str, Listener]) -> None:
    said = await ask(site[1], b"GET /big HTTP/1.0\r\n\r\n")
    assert len(said.partition(b"\r\n\r\n")[2]) == 64_000_000


async def test_a_long_body_comes_in_pieces(site: tuple[Site, str, Listener]) -> None:
    body = b"x" * 5_000_000
    said = await ask(site[1], b"POST /count HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    assert said.endswith(b"\r\n\r\n5000000")


async def test_a_client_that_goes_ends_what_only_served_it(site: tuple[Site, str, Listener]) -> None:
    made, path, listener = site
    _reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b"GET /hang HTTP/1.1\r\n\r\n")
    await made.started.wait()
    writer.close()
    await asyncio.wait_for(made.cancelled.wait(), 60)
    await _until(lambda: listener.connections == 0)


async def test_a_client_that_goes_leaves_a_change_to_finish(site: tuple[Site, str, Listener]) -> None:
    made, path, _listener = site
    _reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b"GET /change HTTP/1.1\r\n\r\n")
    await made.started.wait()
    writer.close()
    await asyncio.wait_for(made.finished.wait(), 60)
    assert not made.cancelled.is_set()


async def test_a_half_closed_client_is_still_served(site: tuple[Site, str, Listener]) -> None:
    made, path, _listener = site
    asking = asyncio.ensure_future(ask(path, b"GET /hang HTTP/1.1\r\n\r\n"))
    await made.started.wait()
    await asyncio.sleep(0.05)
    assert not made.cancelled.is_set()
    asking.cancel()


async def test_a_hijacked_socket_comes_with_what_was_sent_early(site: tuple[Site, str, Listener]) -> None:
    made, path, listener = site
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b"POST /take HTTP/1.1\r\n\r\nearly")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
    assert made.raw is not None
    sock, early = made.raw
    assert early == b"early"
    await _until(lambda: listener.connections == 0)
    sock.send(b"direct")
    assert await reader.readexactly(6) == b"direct"
    sock.close()
    writer.close()


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(2):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)
