"""What Docker's API has no route for, about images.

GET  /wherry/manifests?name=…               the manifests under a name, as `manifest inspect -v` shows them
POST /wherry/manifests?name=…               push a manifest list
GET  /wherry/images/explain?name=…          what each layer of an image carries, and what is wasted
GET  /wherry/images/diff?from=…&to=…        what differs between two images' file systems
POST /wherry/images/squash?name=…&repo=…    an image of one layer with the same files
"""

from __future__ import annotations

import msgspec

from wherry.api.call import Call, answer
from wherry.api.credentials import registry_auth
from wherry.api.http import Response
from wherry.api.routing import Route
from wherry.errors import Invalid


async def manifests(call: Call) -> Response:
    name = _needed(call, "name")
    return answer(
        await call.engine.images.manifests(
            name, members=call.query.flag("members"), credentials=registry_auth(call)
        )
    )


async def push_list(call: Call) -> Response:
    name = _needed(call, "name")
    try:
        members = msgspec.json.decode(await call.request.body(), type=list[dict[str, object]])
    except msgspec.DecodeError as error:
        raise Invalid(f"malformed list of manifests: {error}") from None
    digest = await call.engine.images.push_list(name, members, credentials=registry_auth(call))
    return answer({"Digest": digest}, 201)


async def explain(call: Call) -> Response:
    return answer(await call.engine.images.explain(_needed(call, "name")))


async def diff(call: Call) -> Response:
    return answer(await call.engine.images.compare(_needed(call, "from"), _needed(call, "to")))


async def squash(call: Call) -> Response:
    name = _needed(call, "name")
    identity = await call.engine.images.squash(
        name, call.query.text("repo"), call.query.text("tag"), above=call.query.text("above")
    )
    return answer({"Id": identity}, 201)


def _needed(call: Call, name: str) -> str:
    value = call.query.text(name)
    if not value:
        raise Invalid(f"the parameter {name!r} is missing")
    return value


ROUTES = [
    Route("GET", "/wherry/manifests", manifests, serves_client=True),
    Route("POST", "/wherry/manifests", push_list, serves_client=True),
    Route("GET", "/wherry/images/explain", explain),
    Route("GET", "/wherry/images/diff", diff),
    Route("POST", "/wherry/images/squash", squash),
]
