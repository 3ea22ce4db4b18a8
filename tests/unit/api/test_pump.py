"""Hijacked streams: half-closes, much data, clients that vanish, detach keys."""

from __future__ import annotations

import asyncio
import os
import socket

import pytest

from wherry.api.streams.detach import DetachKeys
from wherry.api.streams.pump import Pump, pumps


class Ends:
    """The far ends of a pump: what the client holds and what the container holds."""

    def __init__(self, *, stdin: bool = True, early: bytes = b"", detach: DetachKeys | None = None) -> None:
        self.client, near_client = socket.socketpair()
        self.container, near_container = socket.socketpair()
        self.client.setblocking(False)
        self.container.setblocking(False)
        Pump(near_client, near_container, early=early, stdin=stdin, detach=detach)
        self.loop = asyncio.get_running_loop()

    async def read(self, sock: socket.socket, count: int) -> bytes:
        data = b""
        async with asyncio.timeout(5):
            while len(data) < count and (piece := await self.loop.sock_recv(sock, count - len(data))):
                data += piece
        return data

    async def at_end(self, sock: socket.socket) -> bool:
        async with asyncio.timeout(5):
            return await self.loop.sock_recv(sock, 1) == b""

    def close(self) -> None:
        self.client.close()
        self.container.close()


async def _quiet() -> None:
    async with asyncio.timeout(2):
        while pumps:  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.002)


async def test_both_ways_and_both_half_closes() -> None:
    ends = Ends(early=b"early ")
    ends.client.send(b"input")
    assert await ends.read(ends.container, 11) == b"early input"
    ends.client.shutdown(socket.SHUT_WR)
    assert await ends.at_end(ends.container)
    ends.container.send(b"output after the end of input")
    assert await ends.read(ends.client, 29) == b"output after the end of input"
    ends.container.close()
    assert await ends.at_end(ends.client)
    await _quiet()
    ends.close()


async def test_the_end_of_output_is_no_reset_for_a_client_that_still_types() -> None:
    ends = Ends(stdin=False)
    ends.client.send(b"nobody reads this")
    ends.container.send(b"bye")
    ends.container.close()
    assert await ends.read(ends.client, 3) == b"bye"
    assert await ends.at_end(ends.client)
    ends.close()


@pytest.mark.parametrize("size", [100, 5_000_000])
async def test_every_byte_arrives_in_order(size: int) -> None:
    ends = Ends()
    data = os.urandom(size)
    before = set(os.listdir("/proc/self/fd"))

    async def write() -> None:
        await ends.loop.sock_sendall(ends.container, data)
        ends.container.close()

    writing = asyncio.ensure_future(write())
    assert await ends.read(ends.client, size + 1) == data
    await writing
    await _quiet()
    assert set(os.listdir("/proc/self/fd")) <= before  # the pipe of a large flow is gone too
    ends.close()


async def test_much_input_too() -> None:
    ends = Ends()
    data = os.urandom(3_000_000)

    async def write() -> None:
        await ends.loop.sock_sendall(ends.client, data)
        ends.client.close()

    writing = asyncio.ensure_future(write())
    assert await ends.read(ends.container, len(data) + 1) == data
    await writing
    await _quiet()
    ends.close()


@pytest.mark.parametrize("stdin", [True, False])
async def test_a_client_that_vanishes_in_silence(stdin: bool) -> None:
    ends = Ends(stdin=stdin)
    ends.client.close()
    assert await ends.at_end(ends.container)
    await _quiet()
    ends.close()


async def test_a_client_that_half_closes_and_then_vanishes_in_silence() -> None:
    ends = Ends()
    ends.client.shutdown(socket.SHUT_WR)
    assert await ends.at_end(ends.container)
    assert pumps
    ends.client.close()
    await _quiet()
    ends.close()


async def test_a_client_that_vanishes_while_output_flows() -> None:
    ends = Ends()
    writing = asyncio.ensure_future(ends.loop.sock_sendall(ends.container, bytes(20_000_000)))
    await ends.read(ends.client, 1_000_000)
    ends.client.close()
    with pytest.raises(ConnectionError):
        await asyncio.wait_for(writing, 60)
    await _quiet()
    ends.close()


async def test_a_program_that_closes_its_input_may_go_on_writing() -> None:
    ends = Ends()
    ends.container.shutdown(socket.SHUT_RD)
    ends.client.send(b"unwanted")
    await asyncio.sleep(0.05)
    ends.container.send(b"still here")
    assert await ends.read(ends.client, 10) == b"still here"
    ends.close()
    await _quiet()


async def test_detach_keys_leave_the_container_alone() -> None:
    ends = Ends(detach=DetachKeys(b"\x10\x11"))
    ends.client.send(b"ls\x10")
    assert await ends.read(ends.container, 2) == b"ls"
    ends.client.send(b"\x11")
    assert await ends.at_end(ends.client)
    assert await ends.at_end(ends.container)
    await _quiet()
    ends.close()


async def test_a_slow_client_does_not_block_the_loop() -> None:
    ends = Ends()
    writing = asyncio.ensure_future(ends.loop.sock_sendall(ends.container, bytes(10_000_000)))
    await asyncio.sleep(0.05)
    assert not writing.done()  # back pressure reaches the container's side
    started = ends.loop.time()
    await asyncio.sleep(0)
    assert ends.loop.time() - started < 0.05
    writing.cancel()
    ends.close()
    await _quiet()
