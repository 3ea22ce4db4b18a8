"""Ports to listen on."""

from __future__ import annotations

import random
import socket

_MINE = range(15_000, 32_000)
"""Below those that the kernel gives to outgoing connections. One of them could take the port while a server
is restarted, and a client that waits for the server there could even be connected to itself."""


def free_port() -> int:
    """A port that nobody listens on, at this moment."""
    while True:
        with socket.socket() as probe:
            port = random.choice(_MINE)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
