"""A container's writable layer: what it changed, the whole as an archive, an image made of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from wherry.errors import Conflict
from wherry.oci import Healthcheck, RunConfig

from ..bridges import drain
from ..models import ContainerConfig, FilesystemChange
from .mount_points import without_mount_points
from .record import RUNNING

if TYPE_CHECKING:
    from .registry import Container
    from .room import Room

_KINDS = {"C": 0, "A": 1, "D": 2}


async def changes(room: Room, container: Container) -> list[FilesystemChange]:
    """See `Containers.changes`."""
    snapshot = room.store.snapshots.get(container.id)
    found = await asyncio.to_thread(snapshot.changes)
    return [
        FilesystemChange(path=_readable(change.path), kind=_KINDS[change.kind])
        for change in without_mount_points(found)
    ]


def _readable(path: str) -> str:
    """A container may name its files by any bytes; JSON has text only."""
    return os.fsencode(path).decode("utf-8", "replace")


async def export(room: Room, container: Container) -> AsyncIterator[bytes]:
    """See `Containers.export`."""
    snapshot = room.store.snapshots.get(container.id)
    room.event(container, "export")
    return drain(snapshot.export())


async def commit(
    room: Room,
    container: Container,
    *,
    repo: str,
    tag: str,
    comment: str,
    author: str,
    pause: bool,
    changes: Sequence[str],
    config: ContainerConfig | None,
) -> str:
    """See `Containers.commit`. A running container is paused meanwhile, unless it is not to be."""
    from .freeze import pause as freeze
    from .freeze import unpause

    name = f"{repo}:{tag}" if repo and tag else repo
    paused = False
    if pause and container.condition.status == RUNNING and container.condition.cgroup:
        with contextlib.suppress(Conflict):
            await freeze(room, container)
            paused = True
    try:
        image = await asyncio.to_thread(
            room.store.commit,
            room.store.snapshots.get(container.id),
            _run_config(config or container.plan.config),
            name,
            changes=list(changes),
            author=author,
            message=comment,
        )
    finally:
        if paused:
            with contextlib.suppress(Conflict):
                await unpause(room, container)
    room.event(container, "commit", comment=comment, imageID=image.id, imageRef=name)
    return image.id


def _run_config(config: ContainerConfig) -> RunConfig:
    """What an image keeps of a container's configuration."""
    health = config.healthcheck
    return RunConfig(
        user=config.user,
        exposed_ports={port: {} for port in config.exposed_ports} if config.exposed_ports else None,
        env=config.env,
        entrypoint=config.entrypoint,
        cmd=config.cmd,
        healthcheck=(
            Healthcheck(
                test=health.test,
                interval=health.interval,
                timeout=health.timeout,
                start_period=health.start_period,
                start_interval=health.start_interval,
                retries=health.retries,
            )
            if health is not None
            else None
        ),
        volumes={path: {} for path in config.volumes} if config.volumes else None,
        working_dir=config.working_dir,
        labels=config.labels,
        on_build=config.on_build,
        stop_signal=config.stop_signal,
        stop_timeout=config.stop_timeout,
        shell=config.shell,
    )
