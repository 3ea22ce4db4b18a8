"""Pause and unpause, by the cgroup's freezer: not one instruction of a paused container runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from wherry.errors import Conflict, NotFound, Unsupported
from wherry.linux import cgroups

from .record import PAUSED, RESTARTING, RUNNING

if TYPE_CHECKING:
    from .registry import Container
    from .room import Room


async def pause(room: Room, container: Container) -> None:
    """See `Containers.pause`."""
    async with container.lock:
        condition = container.condition
        if condition.status == PAUSED:
            raise Conflict(f"Container {container.id} is already paused")
        if condition.status == RESTARTING:
            raise Conflict(f"Container {container.id} is restarting, wait until the container is running")
        if condition.status != RUNNING:
            raise Conflict(f"Container {container.id} is not running")
        # In a thread: version 1's freezer may have to try for a while.
        try:
            await asyncio.to_thread(_cgroup(container).freeze)
        except (FileNotFoundError, NotFound):  # it has just ended, which nobody has noted yet
            raise Conflict(f"Container {container.id} is not running") from None
        condition.status = PAUSED
        room.save(container)
        room.event(container, "pause")


async def unpause(room: Room, container: Container) -> None:
    """See `Containers.unpause`."""
    async with container.lock:
        condition = container.condition
        if condition.status != PAUSED:
            raise Conflict(f"Container {container.id} is not paused")
        await asyncio.to_thread(_cgroup(container).thaw)
        condition.status = RUNNING
        room.save(container)
        room.event(container, "unpause")


def _cgroup(container: Container) -> cgroups.Cgroup:
    if not container.condition.cgroup:
        raise Unsupported(
            "this machine gives the container no cgroup, so it can't be paused",
            hint="`wherry doctor` says how to delegate cgroups to ordinary users",
        )
    return cgroups.open_existing(container.condition.cgroup)
