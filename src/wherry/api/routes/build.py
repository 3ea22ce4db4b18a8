"""Builds: said honestly to be missing, until they are here."""

from __future__ import annotations

from wherry.api.call import Call, answer
from wherry.api.http import Response
from wherry.api.routing import Route
from wherry.errors import Unsupported


async def build(_call: Call) -> Response:
    raise Unsupported("building images is not supported yet")


async def prune(_call: Call) -> Response:
    """There is no cache, so there is nothing to reclaim."""
    return answer({"CachesDeleted": [], "SpaceReclaimed": 0})


async def session(_call: Call) -> Response:
    raise Unsupported("BuildKit sessions are not supported", hint="set DOCKER_BUILDKIT=0")


ROUTES = [
    Route("POST", "/build", build),
    Route("POST", "/build/prune", prune),
    Route("POST", "/build/cancel", build),
    Route("POST", "/session", session),
    Route("POST", "/grpc", session),
]
