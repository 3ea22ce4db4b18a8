"""A container's process has ended: what is written down, given back, told, and done next."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from wherry.errors import WherryError
from wherry.supervisor.records import Exit

from ..journal import report
from ..moments import now
from . import health, remove, start
from .record import DEAD, EXITED, REMOVING, RESTARTING

if TYPE_CHECKING:
    from .registry import Container
    from .room import Room

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 60.0
STEADY = 10.0
"""Seconds a container must have run for the pause before its next restart to begin anew."""


async def ended(room: Room, container: Container, exit_: Exit) -> None:
    """Take note of an end; once for each (a second call for the same end does nothing)."""
    async with container.lock:
        condition = container.condition
        if not condition.alive:
            return
        condition.status = EXITED
        condition.exit_code = exit_.code
        condition.finished_at = exit_.finished_at or now()
        condition.oom_killed = condition.oom_killed or exit_.oom
        condition.error = exit_.reason
        health.finish(container)
        room.container_ended(container)
        if (delivery := room.delivery(container)) is not None:
            delivery.ended(container)
        ran = max(0, condition.finished_at - condition.started_at) // 1_000_000_000
        room.event(container, "die", exitCode=str(exit_.code), execDuration=str(ran))
        again = wants_restart(container)
        gone = container.plan.host.auto_remove and not again and not container.kept
        try:
            try:
                await start.supervisor_forget(room, container)
            finally:
                await start.release(room, container)
            if again:
                condition.status = RESTARTING
                condition.restart_count += 1
                container.tasks["restart"] = room.background(
                    _restart(room, container), f"restart of {container.name}"
                )
            if not gone:
                room.save(container)
        finally:  # on a full disk too; what isn't written now is found in exit.json by the next engine
            _tell_waiters(container.exit_waiters, exit_.code)
            if gone:
                await remove.discard(room, container)


def wants_restart(container: Container) -> bool:
    """Whether the restart policy asks for another start after this end."""
    condition, policy = container.condition, container.plan.host.restart_policy
    if condition.stopped_by_user:
        return False
    if policy.name in ("always", "unless-stopped"):
        return True
    if policy.name == "on-failure" and condition.exit_code != 0:
        limit = policy.maximum_retry_count
        return not limit or condition.restart_count < limit
    return False


def pause_before(restart_count: int, ran: float) -> float:
    """Seconds to wait before the `restart_count`th restart in a row: doubling from 0.1 to 60."""
    if ran >= STEADY:
        return FIRST_PAUSE
    return float(min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(max(restart_count - 1, 0), 20)))


async def _restart(room: Room, container: Container) -> None:
    condition = container.condition
    ran = (condition.finished_at - condition.started_at) / 1e9
    await asyncio.sleep(pause_before(condition.restart_count, ran))
    async with container.lock:
        if condition.status != RESTARTING or container.tasks.get("restart") is not asyncio.current_task():
            return
        del container.tasks["restart"]
        try:
            await start.run(room, container)
        except WherryError as error:
            report(f"restart of {container.name}", error)
            if wants_restart(container) and condition.status not in (REMOVING, DEAD):
                condition.status = RESTARTING
                condition.restart_count += 1
                room.save(container)
                container.tasks["restart"] = room.background(
                    _restart(room, container), f"restart of {container.name}"
                )


def _tell_waiters(waiters: list[asyncio.Future[int]], code: int) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(code)
    waiters.clear()
