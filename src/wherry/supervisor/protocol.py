"""The control protocol between the engine and the supervisor: framing, limits and names.

One SOCK_STREAM Unix socket, `run/supervisor.sock` (mode 0600, peer's user checked). Each message is a 4-byte
big-endian length and that many bytes of JSON (an object). File descriptors travel by SCM_RIGHTS with the
message they belong to, which says how many in `"fds"`; the kernel keeps descriptors and bytes in order, so a
reader takes them from one queue.

Engine to supervisor, `{"n": 7, "op": "start", "id": ..., ...}`; back comes exactly one of

    {"n": 7, "ok": {...}}
    {"n": 7, "error": {"kind": "Conflict", "message": ..., "hint": ..., "exit_code": 127}}

Replies may overtake each other. Without `n` the supervisor may also say

    {"event": "exit", "id", "exec", "code", "signal", "oom", "finished_at", "reason"}
    {"event": "oom", "id"}
    {"event": "detached", "id", "exec", "keys": true}      an attached client went; by its detach keys
    {"event": "stdin", "id", "exec", "keep": 2}            standard input was closed: keep so many descriptors
    {"event": "replaced"}                                  another engine took over; the socket closes next

    op        fields                                           ok
    hello     version                                          version, pid
    create    id, spec, rootfs, cgroup, log, open_stdin,       pid, warnings
              stdin_once, runtime                                + pidfd, then what is to be kept
    start     id
    exec      id, exec, process, open_stdin, attach, stdout,   pid
              stderr, keys, early  + connection                  + attached socket if any, pidfd, kept
    kill      id, exec, signal, all
    attach    id, exec, stdin, stdout, stderr, keys, early     position
              + connection, if handed in                         + attached socket, if none was
    resize    id, exec, rows, columns
    log       id, log
    adopt     keep: [[id, exec, count], ...], last             adopted: [id, ...]
              + of each: pidfd, kept ...
    list                                                       processes
    forget    id
    shutdown

The connection that said `hello` last owns the supervisor; the one before is told `replaced` and closed. A
message that is too long or is not JSON closes the connection: nothing after it could be trusted. Whatever
happens to a connection, containers go on.

An attached socket carries, towards the client, Docker's frames (stream number, three zero bytes, big-endian
length) or, for a terminal, bare bytes; towards the process, bare bytes, half-close meaning end of file.
"""

from __future__ import annotations

import array
import json
import os
import socket
from collections import deque
from typing import Any

VERSION = 1
MAX_MESSAGE = 32 << 20
"""Longest message accepted, in bytes. A specification with a large seccomp profile is some 100 KB."""
MAX_DESCRIPTORS = 250
"""Most descriptors in one message; the kernel's own limit is 253."""

Message = dict[str, Any]


class ProtocolError(Exception):
    """The peer broke the framing; the connection can only be closed."""


def encode(message: Message, descriptors: int = 0) -> bytes:
    """One message as bytes to send, announcing how many descriptors go with it."""
    if descriptors:
        message = {**message, "fds": descriptors}
    body = json.dumps(message, separators=(",", ":"), ensure_ascii=True).encode()
    if len(body) > MAX_MESSAGE:
        raise ProtocolError(f"message of {len(body)} bytes is longer than {MAX_MESSAGE}")
    return len(body).to_bytes(4, "big") + body


class Reader:
    """Puts messages and their descriptors together from what a socket delivers.

    `receive` reads once without blocking; `next` then hands out what is complete. The caller of `next` owns
    the descriptors; those never claimed are closed by `close`.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._start = 0
        self._descriptors: list[int] = []

    def receive(self, connection: socket.socket) -> bool:
        """Read what is there; False at end of file. BlockingIOError when nothing is there."""
        data, ancillary, flags, _ = connection.recvmsg(
            1 << 16, socket.CMSG_SPACE(MAX_DESCRIPTORS * 4), socket.MSG_CMSG_CLOEXEC
        )
        for level, kind, payload in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                received = array.array("i")
                received.frombytes(payload[: len(payload) - len(payload) % received.itemsize])
                self._descriptors.extend(received)
        if flags & socket.MSG_CTRUNC or len(self._descriptors) > 4 * MAX_DESCRIPTORS:
            raise ProtocolError("too many descriptors")
        self._buffer += data
        return bool(data)

    def next(self) -> tuple[Message, list[int]] | None:
        """The next complete message with its descriptors, or None when more must be received."""
        start = self._start
        if len(self._buffer) - start < 4:
            self._compact()
            return None
        length = int.from_bytes(self._buffer[start : start + 4], "big")
        if length > MAX_MESSAGE:
            raise ProtocolError(f"message of {length} bytes is longer than {MAX_MESSAGE}")
        end = start + 4 + length
        if len(self._buffer) < end:
            self._compact()
            return None
        try:
            message = json.loads(self._buffer[start + 4 : end])
        except (ValueError, RecursionError) as error:
            raise ProtocolError(f"message is not JSON: {error}") from None
        count = message.get("fds", 0) if isinstance(message, dict) else -1
        if type(count) is not int or not 0 <= count <= len(self._descriptors):
            raise ProtocolError("message is not an object, or its descriptors are missing")
        self._start = end
        descriptors = self._descriptors[:count]
        del self._descriptors[:count]
        return message, descriptors

    def _compact(self) -> None:
        del self._buffer[: self._start]
        self._start = 0

    def close(self) -> None:
        """Close descriptors that no message claimed."""
        close_all(self._descriptors)


class Writer:
    """Messages on their way out, each with descriptors that are closed here once sent."""

    def __init__(self) -> None:
        self._queue: deque[tuple[memoryview, list[int]]] = deque()
        self.waiting = 0
        """Bytes not sent yet."""

    def add(self, message: Message, descriptors: list[int]) -> None:
        """Queue a message; owns the descriptors. ProtocolError when it is too long."""
        data = encode(message, len(descriptors))
        self._queue.append((memoryview(data), descriptors))
        self.waiting += len(data)

    def send(self, connection: socket.socket) -> bool:
        """Send what goes without blocking; True when nothing is left. OSError when the peer is gone."""
        while self._queue:
            data, descriptors = self._queue[0]
            try:
                sent = connection.sendmsg([data], send_ancillary(descriptors), socket.MSG_NOSIGNAL)
            except (BlockingIOError, InterruptedError):
                return False
            close_all(descriptors)
            self.waiting -= sent
            if sent == len(data):
                self._queue.popleft()
            else:
                self._queue[0] = (data[sent:], [])
        return True

    def close(self) -> None:
        """Drop what was not sent."""
        while self._queue:
            close_all(self._queue.popleft()[1])


def send_ancillary(descriptors: list[int]) -> list[tuple[int, int, bytes]]:
    """The ancillary data for `sendmsg` that carries `descriptors`."""
    if not descriptors:
        return []
    return [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors).tobytes())]


def close_all(descriptors: list[int]) -> None:
    """Close and forget every descriptor of a list."""
    while descriptors:
        os.close(descriptors.pop())
