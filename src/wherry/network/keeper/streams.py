"""Carries TCP connections from a held port to a container: what the firewall can't lead, loopback above all.

Bytes move with splice(2) from socket to pipe to socket and never enter this process.
"""

from __future__ import annotations

import fcntl
import os
import select
import socket

from wherry.network.keeper.loop import READ, WRITE, Loop
from wherry.network.keeper.reach import Address, Reach

_CHUNK = 1 << 20
_BULK = 1 << 20  # a direction that has moved so much gets a larger pipe
_LARGE_PIPE = 1 << 20
_TURNS = 8  # splices in one direction before others get theirs


class StreamForwarder:
    """Accepts on a listening socket and connects each client to `target`."""

    def __init__(self, loop: Loop, listener: socket.socket, target: Address, reach: Reach) -> None:
        self._loop = loop
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
                server = self._reach.connect(socket.SOCK_STREAM, self._target, address[:2])
            except OSError:
                client.close()
                continue
            _Connection(self._loop, client, server)

    def _resume(self) -> None:
        if self._listener.fileno() >= 0:
            self._loop.watch(self._listener.fileno(), READ, self._accept)


class _Direction:
    """One way of a connection: from a socket through a pipe to the other socket."""

    def __init__(self, source: socket.socket, target: socket.socket) -> None:
        self.source = source
        self.target = target
        self.out, self.into = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self.held = 0  # bytes in the pipe
        self._moved = 0
        self.ended = False  # the source has said all
        self.done = False  # … and the target has been told

    def move(self) -> bool:
        """Move what can be moved now; True when there may be more. Raises OSError when a side broke."""
        for _ in range(_TURNS):
            moved = self._fill() | self._drain()
            if self.ended and not self.held and not self.done:
                self.done = True
                try:
                    self.target.shutdown(socket.SHUT_WR)
                except OSError:
                    pass  # it went away first
            if not moved:
                return False
        return True

    def _fill(self) -> bool:
        if self.ended:
            return False
        try:
            count = os.splice(self.source.fileno(), self.into, _CHUNK)
        except BlockingIOError:
            return False  # nothing there, or the pipe is full
        self.ended = count == 0
        self.held += count
        if self._moved < _BULK <= self._moved + count:
            try:
                fcntl.fcntl(self.into, fcntl.F_SETPIPE_SZ, _LARGE_PIPE)
            except OSError:
                pass  # the user has many large pipes already (pipe(7)): it goes on with the usual size
        self._moved += count
        return count > 0

    def _drain(self) -> bool:
        if not self.held:
            return False
        try:
            count = os.splice(self.out, self.target.fileno(), self.held)
        except BlockingIOError:
            return False
        self.held -= count
        return count > 0

    def close(self) -> None:
        os.close(self.out)
        os.close(self.into)


class _Connection:
    """A client, a container, and the two directions between them."""

    def __init__(self, loop: Loop, client: socket.socket, server: socket.socket) -> None:
        self._loop = loop
        self._client = client
        self._server = server
        self._directions: tuple[_Direction, ...] = ()
        client.setblocking(False)
        for one in (client, server):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        loop.watch(server.fileno(), WRITE, self._connected)

    def _connected(self, _: int) -> None:
        if self._server.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._close()
            return
        self._loop.forget(self._server.fileno())
        try:
            there = _Direction(self._client, self._server)
        except OSError:
            self._close()
            return
        self._directions = (there,)
        try:
            self._directions = (there, _Direction(self._server, self._client))
        except OSError:
            self._close()
            return
        # edge-triggered: each readiness is told once and `_ready` tries both directions
        events = READ | WRITE | select.EPOLLRDHUP | select.EPOLLET
        self._loop.watch(self._client.fileno(), events, self._ready)
        self._loop.watch(self._server.fileno(), events, self._ready)

    def _ready(self, events: int) -> None:
        try:
            moved = [one.move() for one in self._directions]
        except OSError:
            self._close()
            return
        more = any(moved)
        broken = events & (select.EPOLLERR | select.EPOLLHUP)
        if (broken and not more) or all(one.done for one in self._directions):
            self._close()
        elif more:
            self._loop.later(0, self._again)

    def _again(self) -> None:
        if self._client.fileno() >= 0:
            self._ready(0)

    def _close(self) -> None:
        for direction in self._directions:
            direction.close()
        for one in (self._client, self._server):
            if one.fileno() >= 0:
                self._loop.forget(one.fileno())
                one.close()
