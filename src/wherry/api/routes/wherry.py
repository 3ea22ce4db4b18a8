"""What Docker's API has no word for: the engine's own life and its containers' confinement."""

from __future__ import annotations

import os

from wherry import __version__
from wherry.api.call import Call, answer
from wherry.api.http import Response
from wherry.api.routing import Route


async def status(call: Call) -> Response:
    """Process, place and version of the engine."""
    return answer({"Version": __version__, "Pid": os.getpid(), "Root": call.engine.root_dir})


async def confinement(call: Call) -> Response:
    """How a container is shut in, and what of it was given up."""
    return answer((await call.engine.containers.inspect(call.name)).wherry)


ROUTES = [
    Route("GET", "/wherry/engine", status),
    Route("GET", "/wherry/containers/{name}/confinement", confinement),
]
