"""The control socket: accepts the engine, frames requests and replies, and survives whatever it sends."""

from __future__ import annotations

import os
import socket
import struct

from wherry.supervisor.answer import Answer
from wherry.supervisor.loop import HANGUP, READABLE, WRITABLE, Loop
from wherry.supervisor.operations import Operations
from wherry.supervisor.protocol import Message, ProtocolError, Reader, Writer, close_all

BACKLOG_LIMIT = 64 << 20
"""Bytes of replies waiting for an engine that doesn't read, from which on its connection is closed."""


class Connection:
    """One connected engine."""

    def __init__(self, server: Server, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._server = server
        self._socket = connection
        self._reader = Reader()
        self._writer = Writer()
        self.closed = False
        self._events = READABLE
        server.loop.watch(connection.fileno(), READABLE, self._ready)

    def send(self, message: Message, descriptors: list[int]) -> None:
        """Queue a message; owns the descriptors."""
        if self.closed:
            close_all(descriptors)
            return
        self._writer.add(message, descriptors)
        self._flush()
        if self._writer.waiting > BACKLOG_LIMIT:
            self.close()

    def close(self) -> None:
        """Close at once. May be repeated."""
        if self.closed:
            return
        self.closed = True
        self._server.loop.unwatch(self._socket.fileno())
        try:
            self._socket.shutdown(socket.SHUT_RDWR)  # seen at once, whatever a fork has inherited
        except OSError:
            pass
        self._socket.close()
        self._reader.close()
        self._writer.close()
        self._server.forget(self)

    def _ready(self, events: int) -> None:
        if events & WRITABLE:
            self._flush()
        if self.closed or not events & (READABLE | HANGUP):
            return
        try:
            if not self._reader.receive(self._socket):
                self.close()
                return
            while not self.closed and (received := self._reader.next()):
                self._request(*received)
        except (BlockingIOError, InterruptedError):
            return
        except (OSError, ProtocolError):
            self.close()

    def _request(self, message: Message, descriptors: list[int]) -> None:
        number = message.get("n")
        if not isinstance(number, int):
            close_all(descriptors)
            raise ProtocolError("request without a number")
        answer = Answer(number, self.send)
        if message.get("op") != "hello" and self._server.owner is not self:
            close_all(descriptors)
            raise ProtocolError("request before hello")
        if message.get("op") == "hello":
            self._server.own(self)
        self._server.operations.carry_out(message, answer, descriptors)

    def _flush(self) -> None:
        try:
            done = self._writer.send(self._socket)
        except OSError:
            self.close()
            return
        events = READABLE if done else READABLE | WRITABLE
        if events != self._events:
            self._events = events
            self._server.loop.watch(self._socket.fileno(), events, self._ready)


class Server:
    """Listens, and knows which connection is the owner: the last that said hello."""

    def __init__(self, loop: Loop, listener: socket.socket) -> None:
        listener.setblocking(False)
        self.loop = loop
        self.operations: Operations
        self.owner: Connection | None = None
        self._listener = listener
        self._connections: set[Connection] = set()
        self._listen()

    def notify(self, event: Message) -> None:
        """Tell the owner, if there is one."""
        if self.owner is not None:
            self.owner.send(event, [])

    def own(self, connection: Connection) -> None:
        """Make `connection` the owner; the one before is told, and closed."""
        before, self.owner = self.owner, connection
        if before is not None and before is not connection:
            before.send({"event": "replaced"}, [])
            before.close()

    def forget(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if self.owner is connection:
            self.owner = None

    def _listen(self) -> None:
        self.loop.watch(self._listener.fileno(), READABLE, self._accept)

    def _accept(self, events: int) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionAbortedError:
                continue
            except OSError:
                # Out of descriptors, and the listener stays ready: look again later.
                self.loop.unwatch(self._listener.fileno())
                self.loop.later(0.5, self._listen)
                return
            if _peer_user(connection) in (0, os.geteuid()):
                self._connections.add(Connection(self, connection))
            else:
                connection.close()


def _peer_user(connection: socket.socket) -> int:
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])
