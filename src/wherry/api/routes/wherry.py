"""What Docker's API has no word for."""

from __future__ import annotations

from wherry.api.call import Call, answer
from wherry.api.http import Response
from wherry.api.routing import Route


async def confinement(call: Call) -> Response:
    """How a container is shut in, in plain words, and what of it was given up."""
    lines = call.engine.containers.explain(call.name)
    return answer([{"Wall": line.wall, "Words": line.words} for line in lines])


ROUTES = [Route("GET", "/wherry/containers/{name}/confinement", confinement)]
