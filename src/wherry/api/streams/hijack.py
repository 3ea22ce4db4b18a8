"""Turning a request into a stream: Docker's upgrade, and the older way without one."""

from __future__ import annotations

import socket

from wherry.api.call import Call
from wherry.api.streams.detach import DetachKeys
from wherry.api.streams.media import RAW, STDOUT, frame, media_type
from wherry.api.streams.pump import Pump, end
from wherry.engine.attachment import Attachment, Client
from wherry.errors import Invalid, WherryError

_LONGEST_BODY = 64 * 1024


class Hijacking:
    """Answers a call 101 (200 to a client that asked for no upgrade) and takes its connection.

    An instance is the engine's `Hijack`: to be called once, when the stream is certain to come.
    """

    def __init__(self, call: Call) -> None:
        self._call = call
        self._client: socket.socket | None = None
        self._tty = False

    async def __call__(self, tty: bool) -> Client:
        request = self._call.request
        if not await request.skip_body(_LONGEST_BODY):  # nothing in it is standard input
            raise Invalid("request body too large")
        if request.head.upgrade:
            head = (
                f"HTTP/1.1 101 UPGRADED\r\nContent-Type: {media_type(self._call.version, tty=tty)}\r\n"
                "Connection: Upgrade\r\nUpgrade: tcp\r\n"
            )
        else:
            head = f"HTTP/1.1 200 OK\r\nContent-Type: {RAW}\r\n"
        client, early = await request.hijack(f"{head}{request.base}\r\n".encode())
        self._client, self._tty = client, tty
        return Client(client, early)

    def say_last(self, error: WherryError) -> None:
        """The engine failed. Tell the client on its stream and end it; raise if that has not begun yet."""
        if self._client is None:
            raise error
        text = error.message.encode("utf-8", "replace") + b"\r\n"
        try:
            self._client.send(text if self._tty else frame(STDOUT, text), socket.MSG_NOSIGNAL)
        except OSError:
            pass  # it has gone, or reads nothing: then nobody is there to be told
        end(self._client)


async def join(call: Call, attachment: Attachment, *, stdin: bool, detach_keys: bytes) -> None:
    """Hijack the call and let the client and the attachment talk. Returns at once; a pump goes on."""
    try:
        client, early = await Hijacking(call)(attachment.tty)
    except BaseException:
        attachment.socket.close()
        raise
    detach = DetachKeys(detach_keys) if attachment.tty and stdin else None
    Pump(client, attachment.socket, early=early, stdin=stdin, detach=detach)
