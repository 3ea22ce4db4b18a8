"""What the forked processes tell the one that launched them: datagrams of one letter and its fields.

    P pid           init was cloned (its pid as the launcher sees it)
    C               the terminal's master, as a descriptor beside the letter
    W text          a warning
    R               created: init has everything but the word to execute
    X               about to execute
    E failure       it failed (see `failure.pack`)
    end of file     after X: the program runs; the channel is close-on-exec

The other way: `s` tells init to go on and execute.
"""

from __future__ import annotations

import socket

from wherry.runtime.failure import RuntimeFailure, pack

SIZE = 65536


def pair() -> tuple[socket.socket, socket.socket]:
    """The launcher's end, not blocking, and the end that the forked processes share."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    near.setblocking(False)
    return near, far


def tell(channel: socket.socket, letter: bytes, text: str = "") -> None:
    """Send one message; a launcher that is gone is no error, the sender finds out by other means."""
    try:
        channel.send(letter + text.encode(errors="surrogateescape"))
    except OSError:
        pass


def tell_failure(channel: socket.socket, failure: RuntimeFailure) -> None:
    """Send an E message."""
    try:
        channel.send(b"E" + pack(failure)[: SIZE - 1])
    except OSError:
        pass
