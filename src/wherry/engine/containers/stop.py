"""Stopping: signals, the time that is given, and the kill after it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING

from wherry.errors import Conflict, NotFound, NotModified, Unavailable

from ..signals import parse_signal
from . import start
from .record import EXITED, PAUSED, RESTARTING

if TYPE_CHECKING:
    from .registry import Container
    from .room import Room

KILL_PATIENCE = 10.0
"""Seconds in which a killed process must be gone; one that hangs in the kernel is not waited for longer."""


async def kill(room: Room, container: Container, number: int) -> None:
    """Send a signal; after SIGKILL, wait for the end. See `Containers.kill`."""
    condition = container.condition
    if condition.status == RESTARTING and number in (signal.SIGKILL, signal.SIGTERM):
        await _stop_restarting(room, container)
        return
    if not condition.alive:
        raise Conflict(f"container {container.id} is not running")
    if number == signal.SIGKILL or number == _stop_signal(container):
        condition.stopped_by_user = True
    if number == signal.SIGKILL and condition.status == PAUSED:
        await _thaw(room, container)
    ended = next_exit(container) if number == signal.SIGKILL else None
    try:
        await room.supervisor.kill(container.id, number)
    except (NotFound, Conflict):
        raise Conflict(f"container {container.id} is not running") from None
    room.event(container, "kill", signal=str(number))
    if ended is not None:
        await _wait_for(container, ended)


async def stop(room: Room, container: Container, *, grace: int | None, signal_name: str) -> None:
    """See `Containers.stop`."""
    condition = container.condition
    if condition.status == RESTARTING:
        await _stop_restarting(room, container)
        room.event(container, "stop")
        return
    if not condition.alive:
        raise NotModified("Container already stopped")
    number = parse_signal(signal_name) if signal_name else _stop_signal(container)
    if grace is None:
        configured = container.plan.config.stop_timeout
        grace = room.settings.stop_after if configured is None else configured
    ended = next_exit(container)
    condition.stopped_by_user = True
    if condition.status == PAUSED:
        await _thaw(room, container)
    with contextlib.suppress(NotFound, Conflict):
        await room.supervisor.kill(container.id, number)
        room.event(container, "kill", signal=str(number))
    try:
        await asyncio.wait_for(asyncio.shield(ended), grace if grace >= 0 else None)
    except TimeoutError:
        try:
            await kill_and_wait(room, container)
        except Conflict:  # it has ended by itself at this moment, and that is noted soon
            await _wait_for(container, ended)
    room.event(container, "stop")


async def restart(room: Room, container: Container, *, grace: int | None, signal_name: str) -> None:
    """See `Containers.restart`. With `--rm` the container stays for its next start."""
    container.kept = True
    try:
        with contextlib.suppress(NotModified):
            await stop(room, container, grace=grace, signal_name=signal_name)
    finally:
        container.kept = False
    await start.start(room, container)
    room.event(container, "restart")


async def kill_and_wait(room: Room, container: Container) -> None:
    """Kill and wait for the end. Raises `Conflict` when not running, `Unavailable` when it won't go."""
    if container.condition.status == RESTARTING:
        await _stop_restarting(room, container)
        return
    await kill(room, container, signal.SIGKILL)


async def _wait_for(container: Container, ended: asyncio.Future[int]) -> None:
    """Wait for the end of a killed process. Raises `Unavailable` when it won't go."""
    try:
        await asyncio.wait_for(ended, KILL_PATIENCE)
    except TimeoutError:
        raise Unavailable(
            f"tried to kill container {container.id}, but did not receive an exit event",
            hint="a process of it hangs in the kernel",
        ) from None


def next_exit(container: Container) -> asyncio.Future[int]:
    """Resolves to the exit code at the end of the process that runs now."""
    waiter: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    container.exit_waiters.append(waiter)
    return waiter


def _stop_signal(container: Container) -> int:
    return parse_signal(container.plan.config.stop_signal or "SIGTERM")


async def _stop_restarting(room: Room, container: Container) -> None:
    async with container.lock:
        if container.condition.status == RESTARTING:
            start.cancel_restart(container)
            container.condition.status = EXITED
            container.condition.stopped_by_user = True
            room.save(container)
            for waiter in container.exit_waiters:
                if not waiter.done():
                    waiter.set_result(container.condition.exit_code)
            container.exit_waiters.clear()


async def _thaw(room: Room, container: Container) -> None:
    from .freeze import unpause

    with contextlib.suppress(Conflict):
        await unpause(room, container)
