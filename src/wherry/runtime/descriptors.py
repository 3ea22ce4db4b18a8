"""Any number of descriptors over a socket (SCM_RIGHTS, unix(7))."""

from __future__ import annotations

import os
import socket

_BATCH = 250  # in one message; the kernel takes 253 (SCM_MAX_FD)


def send(channel: socket.socket, descriptors: list[int]) -> None:
    """Send any number of descriptors; `receive` takes them."""
    for start in range(0, len(descriptors), _BATCH):
        socket.send_fds(channel, [b"f"], descriptors[start : start + _BATCH])


def receive(channel: socket.socket, count: int) -> list[int]:
    """The `count` descriptors that `send` sent, reversed: taken from the end, the first comes first."""
    received: list[int] = []
    while len(received) < count:
        message, descriptors, _flags, _address = socket.recv_fds(channel, 1, 253)
        if not message:
            os._exit(1)  # setup failed, and has said so
        received += descriptors
    received.reverse()
    return received
