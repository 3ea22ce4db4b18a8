"""Waiting for a container's end or removal."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from wherry.errors import Invalid

from ..models import ContainerWaited, WaitError
from .record import REMOVING, RESTARTING
from .registry import Container

CONDITIONS = ("not-running", "next-exit", "removed")


def wait(container: Container, condition: str) -> Awaitable[ContainerWaited]:
    """See `Containers.wait`."""
    condition = condition or "not-running"
    if condition not in CONDITIONS:
        raise Invalid(f'invalid condition: "{condition}"')
    waiter: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    now = container.condition
    if condition == "removed":
        container.removal_waiters.append(waiter)
    elif condition == "next-exit" or now.alive or now.status == RESTARTING:
        container.exit_waiters.append(waiter)
    else:
        waiter.set_result(now.exit_code)
    return _answer(container, waiter)


async def _answer(container: Container, waiter: asyncio.Future[int]) -> ContainerWaited:
    try:
        code = await waiter
    finally:
        for waiters in (container.exit_waiters, container.removal_waiters):
            if waiter in waiters:
                waiters.remove(waiter)
    # What a removal waits for is the removal, whatever became of the container before it.
    error = container.condition.error if container.condition.status != REMOVING else ""
    return ContainerWaited(status_code=code, error=WaitError(message=error) if error else None)
