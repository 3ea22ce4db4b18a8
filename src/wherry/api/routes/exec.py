"""Further processes in running containers."""

from __future__ import annotations

from wherry.api.call import Call, answer
from wherry.api.http import Response
from wherry.api.routes.containers.attach import size
from wherry.api.routing import Route
from wherry.api.streams import detach
from wherry.api.streams.hijack import Hijacking
from wherry.engine.models import ExecConfig, IdResponse, Wire
from wherry.errors import Invalid, WherryError


class ExecStart(Wire):
    """Body of `POST /exec/{id}/start`."""

    detach: bool = False
    tty: bool = False
    console_size: tuple[int, int] | None = None  # height, width


async def create(call: Call) -> Response:
    config = await call.read(ExecConfig)
    if not config.cmd:
        raise Invalid("No exec command specified")
    detach.parse(config.detach_keys)
    return answer(IdResponse(id=await call.engine.execs.create(call.name, config)), 201)


async def start(call: Call) -> Response | None:
    options = await call.read(ExecStart)
    known = await call.engine.execs.inspect(call.name)
    hijacking = Hijacking(call)
    try:
        await call.engine.execs.start(
            call.name,
            detach=options.detach,
            tty=options.tty,
            console_size=options.console_size,
            hijack=hijacking,
            detach_keys=detach.parse(known.detach_keys),
        )
    except WherryError as error:
        # Docker has hijacked the stream by now: clients print what it says and ask for the exit code.
        hijacking.say_last(error)
    return Response() if options.detach else None


async def resize(call: Call) -> Response:
    await call.engine.execs.resize(call.name, *size(call))
    return Response()


async def inspect(call: Call) -> Response:
    return answer(await call.engine.execs.inspect(call.name))


ROUTES = [
    Route("POST", "/containers/{name}/exec", create),
    Route("POST", "/exec/{name}/start", start),
    Route("POST", "/exec/{name}/resize", resize),
    Route("GET", "/exec/{name}/json", inspect),
]
