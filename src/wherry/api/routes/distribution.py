"""What a registry has of an image."""

from __future__ import annotations

from wherry.api.call import Call, answer
from wherry.api.credentials import registry_auth
from wherry.api.http import Response
from wherry.api.routing import Route


async def inspect(call: Call) -> Response:
    return answer(await call.engine.images.at_registry(call.name, credentials=registry_auth(call)))


ROUTES = [Route("GET", "/distribution/{name}/json", inspect)]
