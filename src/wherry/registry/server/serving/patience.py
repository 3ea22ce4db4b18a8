"""Clients that hold a connection and do not get on are given up.

They are looked at from beside, now and then, by what the kernel counts for each connection (TCP_INFO),
so that a request pays nothing for it. Bodies that do not come are the affair of `routes.bodies`, which knows
when one is waited for; a connection on which nothing is asked at all is closed by aiohttp.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from aiohttp.web_protocol import RequestHandler

from wherry.registry.server.metrics import Metrics
from wherry.registry.server.routes.bodies import PACE

_LOG = logging.getLogger("registry")
_FAULTS = {
    "header": "did not finish its request's header",
    "body": "did not go on with its request's body",
    "answer": "did not take its answer",
}
_OFTEN = 5.0  # seconds
# struct tcp_info of linux/tcp.h since 4.6: eight u8, 24 u32, four u64, three u32
_INFO = struct.Struct("=24xI92xQQ8xI")  # unacked, bytes_acked, bytes_received, notsent_bytes


class _Counted(NamedTuple):
    received: int
    taken: int
    waiting: bool  # the client has not taken all that was sent


class _Connection:
    """`since` is when a request began that is not whole; `taken` bytes had been taken at `progress`."""

    __slots__ = ("answering", "progress", "received", "requests", "seen", "since", "taken")

    def __init__(self) -> None:
        self.requests = self.seen = 0
        self.answering = False
        self.received = self.taken = 0
        self.since = self.progress = 0.0


class Patience:
    """How long clients may take: seconds for a request's header, and for each PACE bytes of an answer."""

    def __init__(self, metrics: Metrics, *, header: float = 30.0, stalled: float = 300.0) -> None:
        self._metrics = metrics
        self._header = header
        self.stalled = stalled
        self._watches = False
        self._known: dict[object, _Connection] = {}

    def asked(self, client: object) -> None:
        """The header of a request is whole, and a body may follow."""
        if self._watches:
            self._known.setdefault(client, _Connection()).answering = True

    def answers(self, client: object) -> None:
        """A request of any kind is being answered."""
        if self._watches:
            self._known.setdefault(client, _Connection()).requests += 1

    def answered(self, client: object) -> None:
        """The request's handler has ended; its answer may still be on its way."""
        if connection := self._known.get(client):
            connection.answering = False

    async def watch(self, connections: Callable[[], Iterable[RequestHandler]]) -> None:
        """Look at the connections for ever."""
        self._watches = True
        while True:
            self._look(list(connections()), time.monotonic())
            await asyncio.sleep(min(_OFTEN, self._header / 4, self.stalled / 4))

    def _look(self, clients: list[RequestHandler], now: float) -> None:
        self._known = {client: self._known.get(client) or _Connection() for client in clients}
        for client in clients:
            counted = _count(client)
            if counted is None:
                continue
            connection = self._known[client]
            if self._takes_too_long(connection, counted, now):
                self._give_up(client, "answer")
            elif self._asks_too_long(connection, counted, now):
                self._give_up(client, "header")

    def _takes_too_long(self, connection: _Connection, counted: _Counted, now: float) -> bool:
        if not counted.waiting or not connection.progress or counted.taken - connection.taken >= PACE:
            connection.taken, connection.progress = counted.taken, now
        return now - connection.progress > self.stalled

    def _asks_too_long(self, connection: _Connection, counted: _Counted, now: float) -> bool:
        if connection.answering or connection.requests != connection.seen:
            connection.seen, connection.received = connection.requests, counted.received
            connection.since = 0.0
        elif counted.received > connection.received:
            connection.since = connection.since or now
        return bool(connection.since) and now - connection.since > self._header

    def _give_up(self, client: RequestHandler, awaited: str) -> None:
        self.gave_up((client.peername or "?")[0], awaited)
        self._metrics.save(every=1)
        # Not transport.abort(): a sendfile() of asyncio's that is under way would lose its descriptor. So the
        # kernel tells it, and what the client did not take is thrown away.
        if sock := _socket(client):
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.shutdown(socket.SHUT_RDWR)

    def gave_up(self, address: str, awaited: str) -> None:
        """Note a client that is given up: one of _FAULTS was waited for."""
        self._metrics.add("clients_given_up_total", 1, f'awaited="{awaited}"')
        _LOG.warning("gave up a client at %s: it %s", address, _FAULTS[awaited])


def _socket(client: RequestHandler) -> socket.socket | None:
    return client.transport.get_extra_info("socket") if client.transport is not None else None


def _count(client: RequestHandler) -> _Counted | None:
    """None for a connection that is on its way out."""
    sock = _socket(client)
    if sock is None:
        return None
    try:
        told = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size)
    except OSError:
        return None
    unacked, taken, received, unsent = _INFO.unpack_from(told)
    return _Counted(received, taken, bool(unacked or unsent))
