"""Containers as records: create, list, inspect, rename, update, remove, prune."""

from __future__ import annotations

from wherry.api.call import NO_CONTENT, Call, answer
from wherry.api.http import Response
from wherry.api.routing import Route
from wherry.engine.models import ContainerConfig, ContainerCreate, UpdateConfig
from wherry.errors import Invalid, NotFound


async def index(call: Call) -> Response:
    query = call.query
    return answer(
        await call.engine.containers.list(
            show_all=query.flag("all"),
            limit=query.number("limit") or 0,
            size=query.flag("size"),
            filters=query.filters(),
        )
    )


async def create(call: Call) -> Response:
    if not call.request.has_body:
        raise Invalid("config cannot be empty in order to create a container")
    body = await call.read(ContainerCreate)
    config = ContainerConfig(**{name: getattr(body, name) for name in ContainerConfig.__struct_fields__})
    try:
        created = await call.engine.containers.create(
            config,
            body.host_config,
            body.networking_config,
            name=call.query.text("name"),
            platform=call.query.text("platform"),
        )
    except NotFound as error:
        if error.message.startswith(("No such image", "image with reference")):
            raise
        # Docker's command line answers 404 by pulling the image, which would not help with a network.
        raise Invalid(error.message, hint=error.hint) from None
    return answer(created, 201)


async def inspect(call: Call) -> Response:
    return answer(await call.engine.containers.inspect(call.name, size=call.query.flag("size")))


async def rename(call: Call) -> Response:
    await call.engine.containers.rename(call.name, call.query.text("name"))
    return NO_CONTENT


async def update(call: Call) -> Response:
    return answer(await call.engine.containers.update(call.name, await call.read(UpdateConfig)))


async def remove(call: Call) -> Response:
    query = call.query
    await call.engine.containers.remove(
        call.name, force=query.flag("force"), volumes=query.flag("v"), link=query.flag("link")
    )
    return NO_CONTENT


async def prune(call: Call) -> Response:
    return answer(await call.engine.containers.prune(call.query.filters()))


ROUTES = [
    Route("GET", "/containers/json", index),
    Route("POST", "/containers/create", create),
    Route("POST", "/containers/prune", prune),
    Route("GET", "/containers/{name}/json", inspect),
    Route("POST", "/containers/{name}/rename", rename),
    Route("POST", "/containers/{name}/update", update),
    Route("DELETE", "/containers/{name}", remove),
]
