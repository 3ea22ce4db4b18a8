"""A container's streams, live: attach, attach over a WebSocket, and the terminal's size."""

from __future__ import annotations

from wherry.api.call import Call
from wherry.api.http import Response
from wherry.api.routing import Route
from wherry.api.streams import detach
from wherry.api.streams.hijack import Hijacking, join
from wherry.engine.attachment import Attachment
from wherry.errors import Invalid, WherryError


async def attach(call: Call) -> None:
    query = call.query
    keys = detach.parse(query.text("detachKeys"))
    if query.flag("logs") or not query.flag("stream"):
        await join(call, await _attach(call), stdin=query.flag("stdin"), detach_keys=keys)
        return
    hijacking = Hijacking(call)
    try:
        await call.engine.containers.hand_over(
            call.name,
            hijacking,
            stdin=query.flag("stdin"),
            stdout=query.flag("stdout"),
            stderr=query.flag("stderr"),
            detach_keys=keys,
        )
    except WherryError as error:
        hijacking.say_last(error)


async def attach_websocket(call: Call) -> None:
    from wherry.api.streams import websocket

    keys = detach.parse(call.query.text("detachKeys"))
    accept = websocket.accept(call.request.head)
    attachment = await _attach(call)
    stdin = call.query.flag("stdin")
    await websocket.join(call, accept, attachment, stdin=stdin, detach_keys=keys)


async def _attach(call: Call) -> Attachment:
    query = call.query
    return await call.engine.containers.attach(
        call.name,
        stdin=query.flag("stdin"),
        stdout=query.flag("stdout"),
        stderr=query.flag("stderr"),
        logs=query.flag("logs"),
        stream=query.flag("stream"),
    )


async def resize(call: Call) -> Response:
    await call.engine.containers.resize(call.name, *size(call))
    return Response()


def size(call: Call) -> tuple[int, int]:
    """Height and width of a terminal, from `h` and `w`."""
    height, width = call.query.number("h"), call.query.number("w")
    if height is None or width is None:
        raise Invalid('strconv.ParseUint: parsing "": invalid syntax')
    if not (0 <= height < 1 << 16 and 0 <= width < 1 << 16):
        raise Invalid("the size of a terminal is between 0 and 65535")
    return height, width


ROUTES = [
    Route("POST", "/containers/{name}/attach", attach),
    Route("GET", "/containers/{name}/attach/ws", attach_websocket),
    Route("POST", "/containers/{name}/resize", resize),
]
