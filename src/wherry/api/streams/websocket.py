"""Attach over a WebSocket (RFC 6455): the container's output as binary messages, input as whatever comes.

Only the browser-facing `attach/ws` uses it, so it is small and copies. Output is demultiplexed by nobody: as
in Docker, both streams arrive as they were written, without frames' headers.
"""

from __future__ import annotations

import asyncio
import socket
import struct

from wherry.api.call import Call
from wherry.api.http.head import Head
from wherry.api.streams.detach import DetachKeys
from wherry.engine.attachment import Attachment
from wherry.errors import Invalid

_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_MAX_MESSAGE = 1024 * 1024
_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0, 1, 2, 8, 9, 10


def accept(head: Head) -> str:
    """The answer to the client's key. Raises Invalid when this is no WebSocket handshake."""
    import base64
    import hashlib

    key = head.headers.get("sec-websocket-key", "")
    if head.upgrade != "websocket" or not key or head.headers.get("sec-websocket-version") != "13":
        raise Invalid("not a websocket handshake")
    return base64.b64encode(hashlib.sha1(key.encode() + _MAGIC, usedforsecurity=False).digest()).decode()


def message(data: bytes, opcode: int = _BINARY) -> bytes:
    """One unmasked frame, as servers send them."""
    size = len(data)
    if size < 126:
        return struct.pack(">BB", 0x80 | opcode, size) + data
    if size < 1 << 16:
        return struct.pack(">BBH", 0x80 | opcode, 126, size) + data
    return struct.pack(">BBQ", 0x80 | opcode, 127, size) + data


class Frames:
    """Takes client frames apart. Pure: bytes in, (opcode, payload) out."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """The frames that are whole now. Raises Invalid on a violation of the protocol."""
        self._buffer += data
        frames: list[tuple[int, bytes]] = []
        while (one := self._next()) is not None:
            frames.append(one)
        return frames

    def _next(self) -> tuple[int, bytes] | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        first, second = buffer[0], buffer[1]
        if first & 0x70 or not second & 0x80:
            raise Invalid("websocket: reserved bits set, or an unmasked frame")
        size, at = second & 0x7F, 2
        if size >= 126:
            width = 2 if size == 126 else 8
            if len(buffer) < at + width:
                return None
            size = int.from_bytes(buffer[at : at + width], "big")
            at += width
        if size > _MAX_MESSAGE:
            raise Invalid("websocket: message too large")
        if len(buffer) < at + 4 + size:
            return None
        mask = bytes(buffer[at : at + 4])
        payload = _unmask(buffer[at + 4 : at + 4 + size], mask)
        del buffer[: at + 4 + size]
        return first & 0x0F, payload


def _unmask(data: bytearray, mask: bytes) -> bytes:
    size = len(data)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")


async def join(call: Call, accepted: str, attachment: Attachment, *, stdin: bool, detach_keys: bytes) -> None:
    """Switch to the WebSocket and relay until either side ends."""
    head = (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accepted}\r\n\r\n"
    )
    try:
        client, early = await call.request.hijack(head.encode())
    except BaseException:
        attachment.socket.close()
        raise
    attachment.socket.setblocking(False)
    session = _Session(client, attachment, stdin, DetachKeys(detach_keys) if attachment.tty else None)
    tasks = [asyncio.ensure_future(session.output()), asyncio.ensure_future(session.input(early))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        client.close()
        attachment.socket.close()


class _Session:
    def __init__(
        self, client: socket.socket, attachment: Attachment, stdin: bool, detach: DetachKeys | None
    ) -> None:
        self._client = client
        self._container = attachment.socket
        self._tty = attachment.tty
        self._stdin = stdin
        self._detach = detach
        self._loop = asyncio.get_running_loop()

    async def output(self) -> None:
        pending = bytearray()
        while data := await self._loop.sock_recv(self._container, 65536):
            if not self._tty:
                pending += data
                data = _without_headers(pending)
            if data:
                await self._loop.sock_sendall(self._client, message(data))
        await self._loop.sock_sendall(self._client, message(struct.pack(">H", 1000), _CLOSE))

    async def input(self, early: bytes) -> None:
        frames = Frames()
        data = early or await self._loop.sock_recv(self._client, 65536)
        while data:
            for opcode, payload in frames.feed(data):
                if opcode == _CLOSE:
                    return
                if opcode == _PING:
                    await self._loop.sock_sendall(self._client, message(payload, _PONG))
                elif opcode in (_CONTINUATION, _TEXT, _BINARY) and self._stdin:
                    if self._detach is not None:
                        payload, detached = self._detach.feed(payload)
                    else:
                        detached = False
                    await self._loop.sock_sendall(self._container, payload)
                    if detached:
                        return
            data = await self._loop.sock_recv(self._client, 65536)


def _without_headers(pending: bytearray) -> bytes:
    """Remove and return the payload of all frames in `pending` that are whole."""
    out = bytearray()
    while len(pending) >= 8:
        end = 8 + int.from_bytes(pending[4:8], "big")
        if len(pending) < end:
            break
        out += pending[8:end]
        del pending[:end]
    return bytes(out)
