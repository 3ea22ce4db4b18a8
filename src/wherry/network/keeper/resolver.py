"""Answers one container's questions: names of its networks from the directory, the rest from upstream.

A query that is passed on goes from a socket of its own with a random id, so that an answer can't be forged
without guessing both the port and the id. Upstreams are tried in turn, two seconds each.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable
from functools import partial

from wherry.network.keeper import message
from wherry.network.keeper.loop import READ, WRITE, Loop
from wherry.network.keeper.message import Query
from wherry.network.keeper.names import Names

_PATIENCE = 2.0  # seconds for one upstream
_IN_FLIGHT = 256  # queries passed on at once for one container; more are refused, not queued
_STREAMS = 32  # TCP connections of one container at once
_IDLE = 10.0  # seconds that a TCP connection may say nothing

Reply = Callable[[bytes], None]


class Resolver:
    """Serves the sockets of one container until `close`."""

    def __init__(
        self,
        loop: Loop,
        names: Names,
        container: str,
        datagrams: socket.socket,
        listener: socket.socket,
        upstreams: list[str],
    ) -> None:
        self._loop = loop
        self._names = names
        self._container = container
        self._datagrams = datagrams
        self._listener = listener
        self.upstreams = upstreams
        self._passed_on: set[_PassedOn] = set()
        self._streams: set[_Stream] = set()
        for one in (datagrams, listener):
            one.setblocking(False)
        loop.watch(datagrams.fileno(), READ, self._receive)
        loop.watch(listener.fileno(), READ, self._accept)

    def close(self) -> None:
        for stream in list(self._streams):
            stream.close()
        for query in list(self._passed_on):
            query.close()
        for one in (self._datagrams, self._listener):
            self._loop.forget(one.fileno())
            one.close()

    def handle(self, data: bytes, reply: Reply, *, stream: bool) -> None:
        """Answer a message now or later; what is no query is dropped."""
        query = message.parse(data)
        if query is None:
            return
        if query.opcode:
            reply(message.answer(query, [], message.NOTIMP))
            return
        records = self._own(query)
        if records is not None:
            reply(message.answer(query, records, limit=65535 if stream else query.payload))
        elif not self.upstreams:
            code = message.SERVFAIL if "." in query.name else message.NXDOMAIN
            reply(message.answer(query, [], code))
        elif len(self._passed_on) >= _IN_FLIGHT:
            reply(message.answer(query, [], message.REFUSED))
        else:
            done = self._passed_on.discard
            self._passed_on.add(
                _PassedOn(self._loop, query, data, self.upstreams, reply, done, stream=stream)
            )

    def _own(self, query: Query) -> list[tuple[int, bytes]] | None:
        if query.type == message.PTR:
            name = self._names.who_has(self._container, message.reversed_address(query.name))
            return [message.pointer(name)] if name else None
        addresses = self._names.look_up(self._container, query.name)
        if addresses is None:
            return None
        records = [message.address(one) for one in addresses]
        return [one for one in records if query.type in (one[0], message.ANY)]

    def _receive(self, _: int) -> None:
        for _ in range(64):  # then others get their turn
            try:
                data, sender = self._datagrams.recvfrom(65535)
            except BlockingIOError:
                return
            except OSError:
                continue  # an earlier reply bounced
            self.handle(data, partial(self._send, sender), stream=False)

    def _send(self, to: tuple[str, int], answer: bytes) -> None:
        try:
            self._datagrams.sendto(answer, to)
        except OSError:
            pass  # the asker is gone, or asks again

    def _accept(self, _: int) -> None:
        try:
            connection, _address = self._listener.accept()
        except OSError:
            return
        if len(self._streams) >= _STREAMS:
            connection.close()
            return
        self._streams.add(_Stream(self._loop, connection, self.handle, self._streams.discard))


class _PassedOn:
    """One query on its way upstream and back."""

    def __init__(
        self,
        loop: Loop,
        query: Query,
        data: bytes,
        upstreams: list[str],
        reply: Reply,
        done: Callable[[_PassedOn], None],
        *,
        stream: bool,
    ) -> None:
        self._loop = loop
        self._query = query
        self._data = data
        self._upstreams = list(upstreams)
        self._reply = reply
        self._done = done
        self._stream = stream
        self._socket: socket.socket | None = None
        self._number = b""
        self._received = b""
        self._attempt = 0
        self._next()

    def close(self) -> None:
        """Give up without an answer. May be called again."""
        self._hang_up()
        self._done(self)

    def _hang_up(self) -> None:
        if self._socket is not None:
            self._loop.forget(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def _next(self) -> None:
        self._hang_up()
        if not self._upstreams:
            self._reply(message.answer(self._query, [], message.SERVFAIL))
            self._done(self)
            return
        upstream = self._upstreams.pop(0)
        self._attempt += 1
        self._number, self._received = os.urandom(2), b""
        family = socket.AF_INET6 if ":" in upstream else socket.AF_INET
        kind = socket.SOCK_STREAM if self._stream else socket.SOCK_DGRAM
        try:
            self._socket = socket.socket(family, kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
            try:
                self._socket.connect((upstream, 53))
            except BlockingIOError:
                pass
            if not self._stream:
                self._socket.send(self._number + self._data[2:])
        except OSError:
            self._next()
            return
        ready = self._connected if self._stream else self._receive
        self._loop.watch(self._socket.fileno(), WRITE if self._stream else READ, ready)
        attempt = self._attempt
        self._loop.later(_PATIENCE, lambda: self._expired(attempt))

    def _expired(self, attempt: int) -> None:
        if self._socket is not None and self._attempt == attempt:
            self._next()

    def _connected(self, _: int) -> None:
        assert self._socket is not None
        try:
            self._socket.send(struct.pack("!H", len(self._data)) + self._number + self._data[2:])
        except OSError:
            self._next()
            return
        self._loop.watch(self._socket.fileno(), READ, self._receive_stream)

    def _receive(self, _: int) -> None:
        assert self._socket is not None
        try:
            data = self._socket.recv(65535)
        except BlockingIOError:
            return
        except OSError:
            self._next()
            return
        if data[:2] == self._number and len(data) >= 12:
            self._finish(data)

    def _receive_stream(self, _: int) -> None:
        assert self._socket is not None
        try:
            data = self._socket.recv(65535)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._next()
            return
        self._received += data
        if len(self._received) >= 2:
            length = struct.unpack_from("!H", self._received)[0]
            if len(self._received) >= 2 + length:
                answer = self._received[2 : 2 + length]
                if answer[:2] == self._number:
                    self._finish(answer)
                else:
                    self._next()

    def _finish(self, answer: bytes) -> None:
        self._hang_up()
        self._reply(self._data[:2] + answer[2:])
        self._done(self)


class _Stream:
    """A container's TCP connection: messages behind their length, answered as they are ready."""

    def __init__(
        self,
        loop: Loop,
        connection: socket.socket,
        handle: Callable[..., None],
        done: Callable[[_Stream], None],
    ) -> None:
        self._loop = loop
        self._connection = connection
        self._handle = handle
        self._done = done
        self._incoming = b""
        self._outgoing = b""
        self._busy = True
        connection.setblocking(False)
        loop.watch(connection.fileno(), READ, self._ready)
        loop.later(_IDLE, self._idle)

    def close(self) -> None:
        """May be called again."""
        if self._connection.fileno() >= 0:
            self._loop.forget(self._connection.fileno())
            self._connection.close()
            self._done(self)

    def _idle(self) -> None:
        if not self._busy:
            self.close()
        elif self._connection.fileno() >= 0:
            self._busy = False
            self._loop.later(_IDLE, self._idle)

    def _ready(self, events: int) -> None:
        self._busy = True
        if events & WRITE:
            self._flush()
        if events & ~WRITE:
            self._read()

    def _read(self) -> None:
        try:
            data = self._connection.recv(65535)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        self._incoming += data
        while len(self._incoming) >= 2:
            length = struct.unpack_from("!H", self._incoming)[0]
            if len(self._incoming) < 2 + length:
                return
            query, self._incoming = self._incoming[2 : 2 + length], self._incoming[2 + length :]
            self._handle(query, self._write, stream=True)

    def _write(self, answer: bytes) -> None:
        if self._connection.fileno() >= 0:
            self._outgoing += struct.pack("!H", len(answer)) + answer
            self._flush()

    def _flush(self) -> None:
        try:
            sent = self._connection.send(self._outgoing) if self._outgoing else 0
        except BlockingIOError:
            sent = 0
        except OSError:
            self.close()
            return
        self._outgoing = self._outgoing[sent:]
        if len(self._outgoing) > 1 << 18:
            self.close()  # asks and asks, but does not listen
            return
        self._loop.watch(self._connection.fileno(), READ | (WRITE if self._outgoing else 0), self._ready)
