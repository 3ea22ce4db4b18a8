"""The bodies of requests, as they arrive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web

STALLED = 120.0  # seconds without a byte of a body, after which its client is given up
_GATHERED = 1 << 20  # bytes of a body that are handled at once


async def body_of(request: web.Request) -> AsyncIterator[bytes]:
    """A request's body in pieces that are worth a thread each."""
    gathered: list[bytes] = []
    size = 0
    try:
        while True:
            async with asyncio.timeout(STALLED):
                chunk = await request.content.readany()
            if not chunk:
                break
            gathered.append(chunk)
            size += len(chunk)
            if size >= _GATHERED:
                yield b"".join(gathered)
                gathered, size = [], 0
    except (ConnectionError, web.RequestPayloadError, TimeoutError) as error:
        if gathered:  # what has arrived is kept, for the client to go on from
            yield b"".join(gathered)
        if isinstance(error, TimeoutError):
            raise ConnectionResetError("the client stalled") from error
        raise
    if gathered:
        yield b"".join(gathered)
