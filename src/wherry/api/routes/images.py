"""Images on this machine: list, inspect, history, tag, remove, prune."""

from __future__ import annotations

from wherry.api.call import Call, answer
from wherry.api.credentials import registry_auth
from wherry.api.http import Response
from wherry.api.routing import Route
from wherry.errors import Invalid


async def index(call: Call) -> Response:
    query = call.query
    filters = query.filters()
    if query.text("filter"):  # before API 1.28 a name was searched for with this
        filters.setdefault("reference", []).append(query.text("filter"))
    found = await call.engine.images.list(
        show_all=query.flag("all"), filters=filters, shared_size=query.flag("shared-size")
    )
    return answer(list(found))


async def inspect(call: Call) -> Response:
    return answer(await call.engine.images.inspect(call.name))


async def history(call: Call) -> Response:
    return answer(list(await call.engine.images.history(call.name)))


async def tag(call: Call) -> Response:
    if not call.query.text("repo"):
        raise Invalid("invalid reference format: repository name must not be empty")
    await call.engine.images.tag(call.name, call.query.text("repo"), call.query.text("tag"))
    return Response(201)


async def remove(call: Call) -> Response:
    if not call.name.strip():
        raise Invalid("image name cannot be blank")
    removed = await call.engine.images.remove(
        call.name, force=call.query.flag("force"), prune=not call.query.flag("noprune")
    )
    return answer(list(removed))


async def prune(call: Call) -> Response:
    return answer(await call.engine.images.prune(call.query.filters()))


async def search(call: Call) -> Response:
    found = await call.engine.images.search(
        call.query.text("term"),
        limit=call.query.number("limit", 25) or 25,
        filters=call.query.filters(),
        credentials=registry_auth(call),
    )
    return answer(found)


ROUTES = [
    Route("GET", "/images/json", index),
    Route("GET", "/images/search", search),
    Route("POST", "/images/prune", prune),
    Route("GET", "/images/{name}/json", inspect),
    Route("GET", "/images/{name}/history", history),
    Route("POST", "/images/{name}/tag", tag),
    Route("DELETE", "/images/{name}", remove),
]
