"""Carries TCP and SCTP connections from a held port to a container: what the firewall can't lead, loopback
above all.

Bytes are copied through one buffer that all connections share. Splicing them would spare the copies, but
what was spliced reaches the container in pieces of 64 KiB at the most, which costs more to take in.
"""

from __future__ import annotations

import select
import socket
from functools import partial

from wherry.network.keeper.loop import READ, WRITE, Loop
from wherry.network.keeper.reach import Address, Reach

_buffer = memoryview(bytearray(256 << 10))
_TURNS = 8  # buffers in one direction before others get theirs


class StreamForwarder:
    """Accepts on a listening socket and connects each client to `target`."""

    def __init__(
        self, loop: Loop, listener: socket.socket, target: Address, reach: Reach, protocol: str = "tcp"
    ) -> None:
        self._loop = loop
        self._protocol = protocol
        self._listener = listener
        self._target = target
        self._reach = reach
        loop.watch(listener.fileno(), READ, self._accept)

    def close(self) -> None:
        """Accept no more; connections that are open go on."""
        self._loop.forget(self._listener.fileno())
        self._listener.close()

    def _accept(self, _: int) -> None:
        for _ in range(64):
            try:
                client, address = self._listener.accept()
            except BlockingIOError:
                return
            except OSError:
                # out of descriptors or memory: leave the rest in the queue for a moment
                self._loop.forget(self._listener.fileno())
                self._loop.later(0.1, self._resume)
                return
            try:
                server = self._reach.connect(self._protocol, self._target, address[:2])
            except OSError:
                client.close()
                continue
            _Connection(self._loop, client, server)

    def _resume(self) -> None:
        if self._listener.fileno() >= 0:
            self._loop.watch(self._listener.fileno(), READ, self._accept)


class _Direction:
    """One way of a connection, from a socket to another."""

    def __init__(self, source: socket.socket, target: socket.socket) -> None:
        self._source = source
        self._target = target
        self._pending = memoryview(b"")  # what the target did not take yet
        self._tcp = source.proto != socket.IPPROTO_SCTP
        self._drained = False  # the last read emptied the source; what comes then is told by another event
        self.ending = False  # the source's end is there, which no other event tells
        self.done = False  # the source has said all, and the target has been told

    @property
    def waits(self) -> bool:
        """Whether the target has to take something before more is read."""
        return bool(self._pending)

    def move(self) -> bool:
        """Move what can be moved now; True when there may be more. Raises OSError when a side broke."""
        for _ in range(_TURNS):
            if not self._pending and not self._receive():
                return False
            try:
                sent = self._target.send(self._pending)
            except BlockingIOError:
                sent = 0
            if sent < len(self._pending):
                self._pending = memoryview(bytes(self._pending[sent:]))  # others use the buffer meanwhile
                self._drained = False  # events of the source pass unused until it is taken
                return False
            self._pending = memoryview(b"")
            if self._drained:
                return False
        return True

    def _receive(self) -> bool:
        if self.done:
            return False
        try:
            self._pending = _buffer[: self._source.recv_into(_buffer)]
        except BlockingIOError:
            return False
        # epoll(7), question 9: a read of a stream that brings less than was asked for has emptied it
        self._drained = self._tcp and not self.ending and len(self._pending) < len(_buffer)
        if not self._pending:
            self.done = True
            self._target.shutdown(socket.SHUT_WR)
        return not self.done


class _Connection:
    """A client, a container, and the two directions between them."""

    def __init__(self, loop: Loop, client: socket.socket, server: socket.socket) -> None:
        self._loop = loop
        self._client = client
        self._server = server
        self._directions = (_Direction(client, server), _Direction(server, client))
        client.setblocking(False)
        if client.proto != socket.IPPROTO_SCTP:
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        loop.watch(server.fileno(), WRITE, self._connected)

    def _connected(self, _: int) -> None:
        if self._server.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._close()
            return
        self._loop.forget(self._server.fileno())
        # edge-triggered: each readiness is told once, and what can go on by it is moved until it can't
        events = READ | WRITE | select.EPOLLRDHUP | select.EPOLLET
        to_server, to_client = self._directions
        self._loop.watch(self._client.fileno(), events, partial(self._ready, to_server, to_client))
        self._loop.watch(self._server.fileno(), events, partial(self._ready, to_client, to_server))

    def _ready(self, source: _Direction, toward: _Direction, events: int) -> None:
        """`source` comes from the socket that has `events`, `toward` leads to it."""
        if events & (select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR):
            source.ending = True
        if events & (select.EPOLLERR | select.EPOLLHUP) and not toward.done:
            self._close()  # it will take no more
            return
        if events & ~WRITE:
            self._move(source)
        if toward.waits:  # for this socket; else only what comes from the other one lets it go on
            self._move(toward)

    def _move(self, direction: _Direction) -> None:
        if self._client.fileno() < 0:
            return
        try:
            more = direction.move()
        except OSError:
            self._close()
            return
        if all(one.done for one in self._directions):
            self._close()
        elif more:
            self._loop.later(0, partial(self._move, direction))

    def _close(self) -> None:
        for one in (self._client, self._server):
            if one.fileno() >= 0:
                self._loop.forget(one.fileno())
                one.close()
