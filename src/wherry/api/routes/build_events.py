"""`POST /build/wherry`: a build for our own command line.

The body is a 4-byte length, that many bytes of JSON (what to build), and, when the context is to be sent, a
tar archive. The answer is a line of JSON an event; the last one is `built` or `failed`.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import msgspec

from wherry.api.call import Call
from wherry.api.routing import Route
from wherry.api.streams.relay import relay_json
from wherry.errors import Invalid, WherryError

if TYPE_CHECKING:
    from wherry.engine.builds.order import BuildOrder

_MOST = 64 << 20  # bytes of JSON: a Dockerfile and secrets are in it


async def build(call: Call) -> None:
    pieces = call.archive()
    order, rest = await _head(pieces)
    builds = call.engine.builds
    with builds.workplace() as place:
        from wherry.engine.builds.order import prepare

        request = await prepare(order, _chain(rest, pieces), place, builds.root)
        stream = await call.stream()
        try:
            await relay_json(stream, _events(call, order, request, place))
        finally:
            for files in (request.context, *request.contexts.values()):
                if files is not None and not isinstance(files, str):
                    files.close()


async def _events(call: Call, order: BuildOrder, request: Any, place: str) -> AsyncIterator[Any]:
    from wherry.build.build import Built
    from wherry.build.checks import check
    from wherry.build.dockerfile import parse
    from wherry.engine.builds.export import exported

    builds = call.engine.builds
    try:
        warnings = check(parse(request.dockerfile, request.name))
        for warning in warnings:
            yield warning
        if order.check:
            yield {"event": "built", "image": "", "tags": [], "warnings": len(warnings)}
            return
        async for event in builds.build(request, place, order.auths):
            if not isinstance(event, Built):
                yield event
                continue
            if order.export:
                async for piece in exported(builds, event.state):
                    yield {"event": "files", "data": base64.b64encode(piece).decode()}
            image = event.image
            yield {
                "event": "built",
                "image": image.id if image is not None else "",
                "tags": list(image.tags) if image is not None else [],
            }
    except WherryError as error:
        code = getattr(error, "code", 0)
        line = getattr(error, "line", 0)
        yield {"event": "failed", "message": error.message, "hint": error.hint, "code": code, "line": line}


async def _head(pieces: AsyncIterator[bytes]) -> tuple[BuildOrder, bytes]:
    from wherry.engine.builds.order import BuildOrder

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


ROUTES = [Route("POST", "/build/wherry", build, serves_client=True)]
