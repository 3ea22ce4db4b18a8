"""The engine itself: ping, version, info, disk usage, login."""

from __future__ import annotations

import msgspec

from wherry.api import versions
from wherry.api.call import Call, answer
from wherry.api.http import Response
from wherry.api.routing import Route
from wherry.errors import Invalid

_PING_HEADERS = {
    "Builder-Version": "1",  # older command lines take 2 for leave to use `POST /build?version=2`
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


async def login(call: Call) -> Response:
    try:
        auth = msgspec.json.decode(await call.request.body(), type=dict[str, object])
    except msgspec.DecodeError as error:
        raise Invalid(f"malformed credentials: {type(error).__name__}") from None
    texts = {name: value for name, value in auth.items() if isinstance(value, str)}
    token = await call.engine.images.login(texts)
    return answer({"IdentityToken": token, "Status": "Login Succeeded"})


ROUTES = [
    Route("GET", "/_ping", ping),
    Route("HEAD", "/_ping", ping_head),
    Route("GET", "/version", version),
    Route("GET", "/info", info),
    Route("GET", "/system/df", disk_usage),
    Route("POST", "/auth", login),
]
