"""The two ends of a container's or an exec's streams."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from typing import NamedTuple


class Attachment(NamedTuple):
    """A connected stream socket to the supervisor; whoever receives it closes it.

    What is read from it is exactly what Docker sends after a hijack: frames with an 8-byte header without a
    terminal, raw bytes with one. What is written to it is standard input; shutting down the writing
    half is its end.
    """

    socket: socket.socket
    tty: bool


class Client(NamedTuple):
    """A client's own connection, to be served by the supervisor without the engine in between.

    `early` is standard input that came along with the request. Whoever is given one closes it; after an
    exception it is still its giver's, who may have something to say on it.
    """

    socket: socket.socket
    early: bytes


Hijack = Callable[[bool], Awaitable[Client]]
"""Answers the client that its stream begins (True: of a terminal) and hands out its connection.

Called at most once, when nothing but the process itself can fail any more. So a stream outlives the engine:
the supervisor has it.
"""
