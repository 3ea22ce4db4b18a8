"""`POST /build/wherry`: a build for our own command line.

The body is a 4-byte length, that many bytes of JSON (what to build), and, when the context is to be sent, a
tar archive. The answer is a line of JSON an event; the last one is `built` or `failed`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import msgspec

from wherry.api.call import Call
from wherry.api.routing import Route
from wherry.api.streams.relay import relay_progress
from wherry.engine.attachment import Client
from wherry.errors import Invalid

if TYPE_CHECKING:
    from wherry.engine.builds import BuildOrder

_MOST = 64 << 20  # bytes of JSON: a Dockerfile and secrets are in it


async def build(call: Call) -> None:
    pieces = call.archive()
    order, rest = await _head(pieces)
    await relay_progress(call, call.engine.builds.events(order, _chain(rest, pieces)))


async def _head(pieces: AsyncIterator[bytes]) -> tuple[BuildOrder, bytes]:
    from wherry.engine.builds import BuildOrder

    held = b""
    size = -1
    async for piece in pieces:
        held += piece
        if size < 0 and len(held) >= 4:
            size = int.from_bytes(held[:4], "big")
            if size > _MOST:
                raise Invalid(f"a build's description of {size} bytes")
        if 0 <= size <= len(held) - 4:
            break
    if size < 0 or len(held) < 4 + size:
        raise Invalid("a build's description is cut short")
    try:
        return msgspec.json.decode(held[4 : 4 + size], type=BuildOrder), held[4 + size :]
    except msgspec.MsgspecError as error:
        raise Invalid(f"a build's description: {error}") from None


async def _chain(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for piece in rest:
        yield piece


async def agent(call: Call) -> None:
    """An SSH agent, lent to the build that names the same token: the client answers on this connection."""
    agents, token = call.engine.builds.agents, call.query.text("token")
    agents.check(token)
    head = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: wherry-agent\r\n"
    connection, early = await call.request.hijack(f"{head}{call.request.base}\r\n".encode())
    await agents.lend(token, Client(connection, early))


ROUTES = [
    Route("POST", "/build/wherry", build, serves_client=True),
    Route("POST", "/build/agent", agent),
]
