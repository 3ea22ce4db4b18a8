"""The sources of bind mounts, looked after at each start."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wherry.errors import Invalid

from .record import PlannedMount

if TYPE_CHECKING:
    from .registry import Container
    from .room import Room


def announce(room: Room, container: Container) -> None:
    """Tell listeners which volumes are mounted now."""
    for mount in container.plan.mounts:
        if mount.kind == "volume":
            said = {
                "container": container.id,
                "destination": mount.target,
                "driver": "local",
                "propagation": mount.propagation,
                "read/write": "false" if mount.read_only else "true",
            }
            room.events.publish("volume", "mount", mount.volume, said)


async def mount_slow(room: Room, planned: Sequence[PlannedMount]) -> None:
    """Mount the volumes for which a disk or a server has to be waited for, in a thread; `prepare` then finds
    them mounted. Raises as `Volumes.attach`."""
    for mount in planned:
        if mount.kind == "volume" and room.volumes.filesystem(mount.volume) not in ("", "tmpfs"):
            await asyncio.to_thread(room.volumes.attach, mount.volume)


def prepare(room: Room, planned: Sequence[PlannedMount]) -> None:
    """Make the directories that `-v` promises, and volumes' directories anew if somebody removed them.

    Raises `Invalid`, in Docker's words, when a source is missing or can't be made.
    """
    for mount in planned:
        if mount.kind == "volume":
            mount.source = room.volumes.path(mount.volume)
            room.volumes.attach(mount.volume)
        elif mount.kind == "bind" and not os.path.exists(mount.source):
            if not mount.create_source:
                raise Invalid(
                    f'invalid mount config for type "bind": bind source path does not exist: {mount.source}'
                )
            try:
                os.makedirs(mount.source, 0o755, exist_ok=True)
            except OSError as error:
                raise Invalid(
                    f"error while creating mount source path '{mount.source}': {error.strerror}"
                ) from None


def release(room: Room, container: Container) -> None:
    """Unmount the volumes that are file systems of their own and that nothing else that runs uses."""
    for mount in container.plan.mounts:
        if mount.kind != "volume":
            continue
        said = {"container": container.id, "driver": "local"}
        room.events.publish("volume", "unmount", mount.volume, said)
        if not any(
            other.condition.alive and other is not container
            for other in room.registry
            if any(item.volume == mount.volume for item in other.plan.mounts)
        ):
            room.volumes.detach(mount.volume)
