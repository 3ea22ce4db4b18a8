"""What a registry has of an image."""

from __future__ import annotations

from wherry.api.call import Call
from wherry.api.http import Response
from wherry.api.routing import Route
from wherry.errors import Unsupported


async def inspect(_call: Call) -> Response:
    raise Unsupported("asking a registry about an image is not supported yet")


ROUTES = [Route("GET", "/distribution/{name}/json", inspect)]
