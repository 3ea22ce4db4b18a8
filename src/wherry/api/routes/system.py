"""The engine itself: ping, version, info, disk usage, login."""

from __future__ import annotations

from wherry.api import versions
from wherry.api.call import Call, answer
from wherry.api.http import Response
from wherry.api.routing import Route
from wherry.errors import Invalid, Unsupported

_PING_HEADERS = {
    "Builder-Version": "1",  # the classic builder: BuildKit's session protocol isn't spoken here
    "Cache-Control": "no-cache, no-store, must-revalidate",
    "Pragma": "no-cache",
    "Swarm": "inactive",
}
_DISK_USERS = frozenset({"container", "image", "volume", "build-cache"})


async def ping(_call: Call) -> Response:
    return Response(body=b"OK", content_type="text/plain; charset=utf-8", headers=_PING_HEADERS)


async def ping_head(_call: Call) -> Response:
    return Response(headers=_PING_HEADERS)


async def version(call: Call) -> Response:
    found = await call.engine.system.version()
    found.api_version = versions.NEWEST
    found.min_api_version = versions.OLDEST
    for component in found.components:
        if component.name == "Engine":
            details = component.details = component.details or {}
            details["ApiVersion"] = versions.NEWEST
            details["MinAPIVersion"] = versions.OLDEST
    return answer(found)


async def info(call: Call) -> Response:
    return answer(await call.engine.system.info())


async def disk_usage(call: Call) -> Response:
    types = frozenset(call.query.texts("type"))
    for kind in sorted(types - _DISK_USERS):
        raise Invalid(f"unknown object type: {kind}")
    return answer(await call.engine.system.disk_usage(types=types))


async def login(_call: Call) -> Response:
    raise Unsupported("logging in to registries is not supported yet")


ROUTES = [
    Route("GET", "/_ping", ping),
    Route("HEAD", "/_ping", ping_head),
    Route("GET", "/version", version),
    Route("GET", "/info", info),
    Route("GET", "/system/df", disk_usage),
    Route("POST", "/auth", login),
]
