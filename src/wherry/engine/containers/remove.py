"""Removing a container: its process, its files, its anonymous volumes, its record."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from wherry.errors import Conflict, NotFound, Unavailable

from . import network, start
from .record import CREATED, EXITED, PAUSED, REMOVING, RESTARTING

if TYPE_CHECKING:
    from .registry import Container
    from .room import Room

_TRIES = 5


async def remove(room: Room, container: Container, *, force: bool, volumes: bool) -> None:
    """See `Containers.remove`."""
    condition = container.condition
    if condition.status == REMOVING:
        raise Conflict(f"removal of container {container.id} is already in progress")
    if (condition.alive or condition.status == RESTARTING) and not force:
        state = "paused" if condition.status == PAUSED else condition.status
        advice = "unpause and then stop" if condition.status == PAUSED else "stop"
        raise Conflict(
            f'cannot remove container "/{container.name}": container is {state}: {advice} the container '
            "before removing or force remove"
        )
    for _ in range(_TRIES):
        if condition.alive or condition.status == RESTARTING:
            from .stop import kill_and_wait

            start.cancel_restart(container)
            with contextlib.suppress(Conflict, NotFound):
                await kill_and_wait(room, container)
        async with container.lock:
            if room.registry.get(container.id) is None:
                if force:
                    return
                raise NotFound(f"No such container: {container.id}")
            if condition.alive and force:
                continue  # its restart was quicker
            if condition.alive:
                break
            await discard(room, container, volumes=volumes or container.plan.host.auto_remove)
            return
    raise Conflict(
        f'cannot remove container "/{container.name}": container is {condition.status}: stop the '
        "container before removing or force remove"
    )


async def discard(room: Room, container: Container, *, volumes: bool = True) -> None:
    """Remove one that does not run; the lock is held. Goes on over what is missing: it may be repeated."""
    condition = container.condition
    start.cancel_restart(container)
    if condition.status not in (CREATED, EXITED):
        condition.status = EXITED
    condition.status = REMOVING
    if (delivery := room.delivery(container)) is not None:
        await delivery.finish(container)
    try:
        await _remove_files(room, container)
    except BaseException:
        condition.status = EXITED
        room.save(container)
        raise
    try:
        await _forget(room, container)
    except Unavailable:
        await room.trash.settle()
        await _forget(room, container)
    if volumes:
        for mount in container.plan.mounts:
            if mount.anonymous and not volume_users(room, mount.volume):
                await room.volumes.discard(mount.volume)
    room.event(container, "destroy")
    for waiter in (*container.removal_waiters, *container.exit_waiters):
        if not waiter.done():
            waiter.set_result(condition.exit_code)
    container.removal_waiters.clear()
    container.exit_waiters.clear()


async def _forget(room: Room, container: Container) -> None:
    await network.leave(room, container)
    room.registry.discard(container)


async def _remove_files(room: Room, container: Container) -> None:
    room.trash.throw(room.directory(container))
    with contextlib.suppress(NotFound):
        snapshot = room.store.snapshots.get(container.id)
        try:
            snapshot.remove()
        except Unavailable:  # a full disk: what this container held is the space that its record needs
            await room.trash.settle()
            snapshot.remove()


def volume_users(room: Room, volume: str) -> list[str]:
    """The ids of the containers that refer to a volume."""
    return [
        container.id
        for container in room.registry
        if any(mount.volume == volume for mount in container.plan.mounts)
    ]
