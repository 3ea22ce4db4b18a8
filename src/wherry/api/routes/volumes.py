"""Volumes."""

from __future__ import annotations

from wherry.api.call import NO_CONTENT, Call, answer
from wherry.api.http import Response
from wherry.api.routes.swarm import NOT_A_MANAGER
from wherry.api.routing import Route
from wherry.engine.models import VolumeCreate
from wherry.errors import Unavailable


async def index(call: Call) -> Response:
    return answer(await call.engine.volumes.list(call.query.filters()))


async def create(call: Call) -> Response:
    return answer(await call.engine.volumes.create(await call.read(VolumeCreate)), 201)


async def inspect(call: Call) -> Response:
    return answer(await call.engine.volumes.inspect(call.name))


async def remove(call: Call) -> Response:
    await call.engine.volumes.remove(call.name, force=call.query.flag("force"))
    return NO_CONTENT


async def prune(call: Call) -> Response:
    filters = call.query.filters()
    if call.version < (1, 42):  # until then named volumes were pruned too
        filters.setdefault("all", ["true"])
    return answer(await call.engine.volumes.prune(filters))


async def update(_call: Call) -> Response:
    """Only a swarm's cluster volumes can be updated."""
    raise Unavailable(NOT_A_MANAGER)


ROUTES = [
    Route("GET", "/volumes", index),
    Route("POST", "/volumes/create", create),
    Route("POST", "/volumes/prune", prune),
    Route("GET", "/volumes/{name}", inspect),
    Route("PUT", "/volumes/{name}", update),
    Route("DELETE", "/volumes/{name}", remove),
]
