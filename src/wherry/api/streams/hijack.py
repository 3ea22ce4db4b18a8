"""Turning a request into a stream: Docker's upgrade, and the older way without one."""

from __future__ import annotations

import socket

from wherry.api.call import Call
from wherry.api.streams.detach import DetachKeys
from wherry.api.streams.media import RAW, media_type
from wherry.api.streams.pump import Pump
from wherry.engine.attachment import Attachment


async def hijack(call: Call, *, tty: bool) -> tuple[socket.socket, bytes]:
    """Answer 101 to a client that asked for an upgrade, else 200, and take its socket.

    What comes back with the socket was sent along with the request: the beginning of standard input.
    """
    if call.request.head.upgrade:
        head = (
            f"HTTP/1.1 101 UPGRADED\r\nContent-Type: {media_type(call.version, tty=tty)}\r\n"
            "Connection: Upgrade\r\nUpgrade: tcp\r\n"
        )
    else:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {RAW}\r\n"
    return await call.request.hijack(f"{head}{call.request.base}\r\n".encode())


async def join(call: Call, attachment: Attachment, *, stdin: bool, detach_keys: bytes) -> None:
    """Hijack the call and let the client and the container talk. Returns at once; the pump goes on."""
    try:
        client, early = await hijack(call, tty=attachment.tty)
    except BaseException:
        attachment.socket.close()
        raise
    detach = DetachKeys(detach_keys) if attachment.tty and stdin else None
    Pump(client, attachment.socket, early=early, stdin=stdin, detach=detach)
