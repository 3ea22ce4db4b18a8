"""Swarm: answered as by an engine that is in none."""

from __future__ import annotations

from wherry.api.call import Call
from wherry.api.http import Response
from wherry.api.routing import Route
from wherry.errors import Unavailable, Unsupported

NOT_A_MANAGER = (
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" '
    "to connect this node to swarm and try again."
)


async def not_a_manager(_call: Call) -> Response:
    raise Unavailable(NOT_A_MANAGER)


async def not_in_a_swarm(_call: Call) -> Response:
    raise Unavailable("This node is not part of a swarm")


async def no_swarm(_call: Call) -> Response:
    raise Unsupported("this engine can't be part of a swarm")


ROUTES = [
    Route("GET", "/swarm", not_a_manager),
    Route("POST", "/swarm/init", no_swarm),
    Route("POST", "/swarm/join", no_swarm),
    Route("POST", "/swarm/leave", not_in_a_swarm),
    Route("POST", "/swarm/update", not_a_manager),
    Route("GET", "/swarm/unlockkey", not_a_manager),
    Route("POST", "/swarm/unlock", not_in_a_swarm),
    *(
        route
        for things, makes in (
            ("nodes", False),
            ("services", True),
            ("secrets", True),
            ("configs", True),
            ("tasks", False),
        )
        for route in (
            Route("GET", f"/{things}", not_a_manager),
            *((Route("POST", f"/{things}/create", not_a_manager),) if makes else ()),
            Route("GET", f"/{things}/{{name}}/logs", not_a_manager),
            Route("POST", f"/{things}/{{name}}/update", not_a_manager),
            Route("GET", f"/{things}/{{name}}", not_a_manager),
            Route("DELETE", f"/{things}/{{name}}", not_a_manager),
        )
    ),
]
