"""A client attached to a process: output out, in Docker's frames or bare; standard input in."""

from __future__ import annotations

import socket
from collections import deque
from typing import Protocol

from wherry.supervisor.detach_keys import DetachKeys
from wherry.supervisor.loop import HANGUP, READABLE, WRITABLE, Loop, Timer

HOLD = 1 << 20
"""Bytes waiting for a client from which on the streams it wants are held."""
RELEASE = 1 << 18
"""Bytes waiting below which they flow again."""
LINGER = 5.0
"""Seconds that a client gets to close its side after the last byte."""
INPUT = 1 << 16


class Owner(Protocol):
    """What an attachment tells the process it is attached to."""

    def input(self, data: bytes) -> bool:
        """Standard input arrived. False: no more until the attachment's `accept_input`."""

    def input_ended(self) -> None:
        """The client closed its sending side."""

    def flow(self) -> None:
        """Whether this client holds the streams has changed."""

    def detached(self, attachment: Attachment, keys: bool) -> None:
        """The client is gone: it typed its detach keys, closed the connection, or was served to the end."""


class Attachment:
    """One client. Owns its connection, whose blocking mode is left alone: others may hold it too."""

    def __init__(
        self,
        loop: Loop,
        connection: socket.socket,
        owner: Owner,
        *,
        stdin: bool,
        outputs: tuple[int, ...],
        framed: bool,
        keys: bytes,
    ) -> None:
        self._loop = loop
        self._socket = connection
        self._owner = owner
        self._outputs = outputs
        self._framed = framed
        self._keys = DetachKeys(keys)
        self._queue: deque[memoryview] = deque()
        self._pending = 0
        self._holding = False
        self._reads_input = stdin
        self._reading = True
        self._ending = False
        self._gone = False
        self._peer_closed = False
        self._linger: Timer | None = None
        self._watch()

    @property
    def stdin(self) -> bool:
        return self._reads_input

    def holds(self, stream: int) -> bool:
        """Whether so much waits for this client that `stream` must not bring more."""
        return self._holding and stream in self._outputs

    def write(self, stream: int, data: bytes) -> None:
        """Queue output and send what goes out now."""
        if stream not in self._outputs or self._gone or self._ending:
            return
        if self._framed:
            self._queue.append(memoryview(b"%c\0\0\0%b" % (stream, len(data).to_bytes(4, "big"))))
            self._pending += 8
        self._queue.append(memoryview(data))
        self._pending += len(data)
        self._send()

    def accept_input(self) -> None:
        """The process takes input again."""
        if not self._reading and not self._gone and not self._peer_closed:
            self._reading = True
            self._watch()

    def early(self, data: bytes) -> None:
        """Input that whoever handed the connection in had already read from it."""
        if data and self._reads_input:
            self._take(data)

    def end(self) -> None:
        """Send what waits, then close."""
        self._ending = True
        if not self._gone:
            self._send()

    def _watch(self) -> None:
        events = (READABLE if self._reading else 0) | (WRITABLE if self._queue else 0)
        self._loop.watch(self._socket.fileno(), events, self._ready)

    def _ready(self, events: int) -> None:
        if events & WRITABLE and not self._gone:
            self._send()
        if events & READABLE and not self._gone:
            self._read()
        elif events & HANGUP and not self._gone:
            if self._reading or self._peer_closed:
                self._leave(keys=False)
            else:  # gone, but there may be input to read once the process takes it
                self._loop.unwatch(self._socket.fileno())

    def _send(self) -> None:
        queue = self._queue
        while queue:
            try:
                sent = self._socket.sendmsg(
                    [queue[i] for i in range(min(len(queue), 64))],
                    [],
                    socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL,
                )
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                self._leave(keys=False)
                return
            self._pending -= sent
            while sent:
                first = queue[0]
                if sent >= len(first):
                    sent -= len(first)
                    queue.popleft()
                else:
                    queue[0] = first[sent:]
                    sent = 0
        if self._holding != (self._pending > (RELEASE if self._holding else HOLD)):
            self._holding = not self._holding
            self._owner.flow()
        if not queue and self._ending:
            self._finish()
        else:
            self._watch()

    def _read(self) -> None:
        try:
            data = self._socket.recv(INPUT, socket.MSG_DONTWAIT)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._leave(keys=False)
            return
        if not data:
            self._input_closed()
        elif self._reads_input and not self._ending:
            self._take(data)

    def _take(self, data: bytes) -> None:
        data, detach = self._keys.filter(data)
        if data and not self._owner.input(data):
            self._reading = False
            self._watch()
        if detach:
            self._leave(keys=True)

    def _input_closed(self) -> None:
        self._reading = False
        self._peer_closed = True
        if self._linger is not None:
            self._leave(keys=False)
            return
        self._watch()
        if self._reads_input:
            self._reads_input = False
            self._owner.input_ended()

    def _finish(self) -> None:
        """Everything is sent: say so, and give the client time to close first.

        Closing with unread input would reset the connection and could cost the client its last output.
        """
        if self._linger is not None:
            return
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            self._leave(keys=False)
            return
        if self._peer_closed:
            self._leave(keys=False)
            return
        self._reading = True
        self._linger = self._loop.later(LINGER, lambda: self._leave(keys=False))
        self._watch()

    def _leave(self, *, keys: bool) -> None:
        if self._gone:
            return
        self._gone = True
        if self._linger is not None:
            self._linger.cancel()
        self._loop.unwatch(self._socket.fileno())
        if keys:
            try:
                self._socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self._socket.close()
        self._queue.clear()
        self._owner.detached(self, keys)
