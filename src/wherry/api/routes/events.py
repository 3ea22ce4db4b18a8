"""The stream of events."""

from __future__ import annotations

from wherry.api.call import Call
from wherry.api.routing import Route
from wherry.api.streams.relay import relay_json
from wherry.errors import Invalid


async def events(call: Call) -> None:
    since, until = call.query.instant("since"), call.query.instant("until")
    if since and until and until < since:
        raise Invalid(f"`since` time ({since / 1e9:.9f}) cannot be after `until` time ({until / 1e9:.9f})")
    happened = call.engine.events.subscribe(since=since, until=until, filters=call.query.filters())
    await relay_json(await call.stream(), happened)


ROUTES = [Route("GET", "/events", events, serves_client=True)]
