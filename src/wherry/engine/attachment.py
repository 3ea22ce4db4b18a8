"""The two ends of a container's or an exec's streams."""

from __future__ import annotations

import socket
from typing import NamedTuple


class Attachment(NamedTuple):
    """A connected stream socket to the supervisor; whoever receives it closes it.

    What is read from it is exactly what Docker sends after a hijack: frames with an 8-byte header without a
    terminal, raw bytes with one. What is written to it is standard input; shutting down the writing
    half is its end.
    """

    socket: socket.socket
    tty: bool
