"""What the records say and what runs, brought together: after an engine's start and after a
supervisor's end."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from wherry.errors import WherryError
from wherry.supervisor.records import Exit, ProcessState

from ..journal import report, say
from . import ending, health, start
from .record import EXITED, REMOVING, RESTARTING

if TYPE_CHECKING:
    from .registry import Container
    from .room import Room


async def bring_together(room: Room, *, first: bool = False) -> None:
    """Take running containers over, note the ends that were missed, finish what was cut off.

    `first` after an engine's start: containers are then restarted as their policy says, half-made ones
    removed. Goes on when one container's affairs can't be settled.
    """
    held = {one.container: one for one in await room.supervisor.processes() if not one.exec_id}
    if first:
        room.store.snapshots.sweep({container.id for container in room.registry})
    for container in room.registry:
        try:
            await _settle(room, container, held.pop(container.id, None), first=first)
        except Exception as error:  # one damaged container must not keep the engine from starting
            report(f"container {container.name}", error)
    if first:
        room.background(room.networks.restore(), "networks after the engine's start")
    for stray in held.values():
        # Created or run for a container that is not recorded: an engine died in the middle of a start.
        say(f"ending {stray.container[:12]}, which no record has")
        await _end_stray(room, stray)


async def _settle(room: Room, container: Container, held: ProcessState | None, *, first: bool) -> None:
    condition = container.condition
    running = held is not None and held.status == "running" and held.exit is None
    if condition.alive and held is not None and running:
        if first:
            if condition.id_range >= 0:
                room.idranges.claim(condition.id_range)
            if (delivery := room.delivery(container)) is not None:
                delivery.begin(container)
            health.begin(room, container, anew=False)
        return
    if condition.alive:
        end = held.exit if held is not None and held.exit is not None else _recorded_exit(room, container)
        await ending.ended(room, container, end)
    elif held is not None and not container.lock.locked():  # else who has the lock sees to it
        # It has ended; or it was made or started, but the engine died before it noted so, and its client
        # never heard of the start.
        await _end_stray(room, held)
    if not first or container.lock.locked():
        return
    if (delivery := room.delivery(container)) is not None and condition.started_at:
        delivery.begin(container)  # what the last engine had not delivered when the container ended
        delivery.ended(container)
    async with container.lock:
        if condition.status == REMOVING:
            condition.status = EXITED
            from .remove import discard

            await discard(room, container)
        elif condition.status == RESTARTING or _starts_with_engine(container):
            start.cancel_restart(container)
            condition.status = EXITED
            try:
                await start.run(room, container)
            except Exception as error:  # said in its condition as well
                report(f"start of {container.name}", error)


def _starts_with_engine(container: Container) -> bool:
    """Whether the restart policy wants it up after the machine or the supervisor went down."""
    condition, policy = container.condition, container.plan.host.restart_policy.name
    if condition.status != EXITED or not condition.started_at:
        return False
    if policy == "always":
        return True
    return policy == "unless-stopped" and not condition.stopped_by_user


def _recorded_exit(room: Room, container: Container) -> Exit:
    """The end as the supervisor wrote it down, else an unknown one."""
    try:
        with open(os.path.join(room.directory(container), "exit.json"), "rb") as file:
            said = json.load(file)
        return Exit(
            container.id,
            "",
            int(said["code"]),
            int(said.get("signal", 0)),
            bool(said.get("oom")),
            int(said["finished_at"]),
            str(said.get("reason", "")),
        )
    except (OSError, ValueError, KeyError):
        reason = "the exit status is not known: the machine or the supervisor went down"
        return Exit(container.id, "", 255, 0, False, 0, reason)


async def _end_stray(room: Room, stray: ProcessState) -> None:
    try:
        await room.supervisor.forget(stray.container, force=True)
    except WherryError as error:
        report(f"ending {stray.container[:12]}", error)
