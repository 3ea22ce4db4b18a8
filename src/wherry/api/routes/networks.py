"""Networks."""

from __future__ import annotations

from wherry.api.call import NO_CONTENT, Call, answer
from wherry.api.http import Response
from wherry.api.routing import Route
from wherry.engine.models import NetworkConnect, NetworkCreate, NetworkDisconnect


async def index(call: Call) -> Response:
    return answer(list(await call.engine.networks.list(call.query.filters())))


async def create(call: Call) -> Response:
    return answer(await call.engine.networks.create(await call.read(NetworkCreate)), 201)


async def inspect(call: Call) -> Response:
    return answer(await call.engine.networks.inspect(call.name))


async def remove(call: Call) -> Response:
    await call.engine.networks.remove(call.name)
    return NO_CONTENT


async def connect(call: Call) -> Response:
    request = await call.read(NetworkConnect)
    await call.engine.networks.connect(call.name, request.container, request.endpoint_config)
    return Response()


async def disconnect(call: Call) -> Response:
    request = await call.read(NetworkDisconnect)
    await call.engine.networks.disconnect(call.name, request.container, force=request.force)
    return Response()


async def prune(call: Call) -> Response:
    return answer(await call.engine.networks.prune(call.query.filters()))


ROUTES = [
    Route("GET", "/networks", index),
    Route("GET", "/networks/", index),
    Route("POST", "/networks/create", create),
    Route("POST", "/networks/prune", prune),
    Route("GET", "/networks/{name}", inspect),
    Route("DELETE", "/networks/{name}", remove),
    Route("POST", "/networks/{name}/connect", connect),
    Route("POST", "/networks/{name}/disconnect", disconnect),
]
