"""The bodies of requests, as they arrive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web

from wherry.registry.server.failures import Refusal

STALLED = web.AppKey("STALLED", float)
"""Seconds in which PACE bytes of a body must come, or its client is given up."""
PACE = 4096
_GATHERED = 1 << 20  # bytes of a body that are handled at once


class Stalled(ConnectionResetError):
    """A client that sends nothing more of a body that it has announced."""


async def body_of(request: web.Request) -> AsyncIterator[bytes]:
    """A request's body in pieces that are worth a thread each. Raises Stalled."""
    loop, patience = asyncio.get_running_loop(), request.app[STALLED]
    gathered: list[bytes] = []
    size = due = 0
    until = 0.0
    try:
        while True:
            if due <= 0:
                due, until = PACE, loop.time() + patience
            async with asyncio.timeout_at(until):
                chunk = await request.content.readany()
            if not chunk:
                break
            gathered.append(chunk)
            size += len(chunk)
            due -= len(chunk)
            if size >= _GATHERED:
                yield b"".join(gathered)
                gathered, size, due = [], 0, 0  # what we took for it is not the client's time
    except (ConnectionError, web.RequestPayloadError, TimeoutError) as error:
        if gathered:  # what has arrived is kept, for the client to go on from
            yield b"".join(gathered)
        if isinstance(error, TimeoutError):
            raise Stalled("the client stalled") from error
        raise
    if gathered:
        yield b"".join(gathered)


async def small_body(request: web.Request, most: int) -> bytes:
    """A whole body of at most so many bytes. Raises Refusal and Stalled."""
    data = b""
    async for chunk in body_of(request):
        data += chunk
        if len(data) > most:
            raise Refusal("SIZE_INVALID", f"larger than {most} bytes")
    return data
