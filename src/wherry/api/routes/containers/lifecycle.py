"""Containers as processes: start, stop, restart, kill, pause, unpause, wait.

A handler that returns nothing is answered with 204, as Docker does for these.
"""

from __future__ import annotations

from wherry.api.call import Call
from wherry.api.routing import Route
from wherry.engine.models import encode
from wherry.errors import Invalid, Unsupported, WherryError

_LONGEST_EMPTY_BODY = 7
"""Some clients send a few bytes that mean nothing, such as `null`; a host configuration is longer."""

_CONDITIONS = frozenset({"", "not-running", "next-exit", "removed"})


async def start(call: Call) -> None:
    length = call.request.head.length
    if length is None or length > _LONGEST_EMPTY_BODY:
        raise Invalid(
            "starting container with non-empty request body was deprecated since API v1.22 "
            "and removed in v1.24"
        )
    if call.query.text("checkpoint"):
        raise Unsupported("checkpoints are not supported")
    await call.engine.containers.start(call.name)


async def stop(call: Call) -> None:
    await call.engine.containers.stop(
        call.name, grace=call.query.number("t"), signal=call.query.text("signal")
    )


async def restart(call: Call) -> None:
    await call.engine.containers.restart(
        call.name, grace=call.query.number("t"), signal=call.query.text("signal")
    )


async def kill(call: Call) -> None:
    try:
        await call.engine.containers.kill(call.name, call.query.text("signal") or "SIGKILL")
    except WherryError as error:
        error.message = f"cannot kill container: {call.name}: {error.message}"
        raise


async def pause(call: Call) -> None:
    await call.engine.containers.pause(call.name)


async def unpause(call: Call) -> None:
    await call.engine.containers.unpause(call.name)


async def wait(call: Call) -> None:
    condition = call.query.text("condition")
    if condition not in _CONDITIONS:
        raise Invalid(f'invalid condition: "{condition}"')
    waiter = call.engine.containers.wait(call.name, condition)
    # The head tells the client that the wait is registered: only then does it start the container.
    stream = await call.stream()
    await stream.write(encode(await waiter) + b"\n")


ROUTES = [
    Route("POST", "/containers/{name}/start", start),
    Route("POST", "/containers/{name}/stop", stop),
    Route("POST", "/containers/{name}/restart", restart),
    Route("POST", "/containers/{name}/kill", kill),
    Route("POST", "/containers/{name}/pause", pause),
    Route("POST", "/containers/{name}/unpause", unpause),
    Route("POST", "/containers/{name}/wait", wait, serves_client=True),
]
