"""Plugins: there are none, and none can be added."""

from __future__ import annotations

from wherry.api.call import Call, answer
from wherry.api.http import Response
from wherry.api.routing import Route
from wherry.errors import NotFound, Unsupported


async def index(_call: Call) -> Response:
    return answer([])


async def unknown(call: Call) -> Response:
    raise NotFound(f'plugin "{call.name}" not found')


async def no_plugins(_call: Call) -> Response:
    raise Unsupported("plugins are not supported")


ROUTES = [
    Route("GET", "/plugins", index),
    Route("GET", "/plugins/privileges", no_plugins),
    Route("POST", "/plugins/pull", no_plugins),
    Route("POST", "/plugins/create", no_plugins),
    Route("GET", "/plugins/{name}/json", unknown),
    Route("POST", "/plugins/{name}/enable", unknown),
    Route("POST", "/plugins/{name}/disable", unknown),
    Route("POST", "/plugins/{name}/push", unknown),
    Route("POST", "/plugins/{name}/upgrade", unknown),
    Route("POST", "/plugins/{name}/set", unknown),
    Route("DELETE", "/plugins/{name}", unknown),
]
