"""Making a container: everything is worked out and checked first, then made, and unmade when a step fails."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from wherry.errors import NotFound

from ..identity import new_id, short
from ..models import ContainerConfig, ContainerCreated, HostConfig, NetworkingConfig
from ..moments import now
from ..spec.check import check
from . import copyup, image_mounts
from .defaults import command_line, with_image_defaults
from .mounts import make_volumes, plan_mounts
from .platforms import check_platform
from .record import Condition, Plan
from .start import as_failure
from .table import Row
from .validation import check_config, check_host, complete

if TYPE_CHECKING:
    from wherry.store.images import Image

    from .room import Room


async def create(
    room: Room,
    config: ContainerConfig,
    host: HostConfig,
    networking: NetworkingConfig,
    *,
    name: str = "",
    platform: str = "",
    image: Image | None = None,
    identifier: str = "",
) -> ContainerCreated:
    """See `Containers.create`. A build gives its own image, which has no name, and the id."""
    warnings: list[str] = []
    image = image or room.store.images.resolve(config.image)
    config = with_image_defaults(config, image.config.config)
    check_config(config)
    check_host(host, room.settings.runtimes)
    complete(host)
    identifier = identifier or new_id()
    if not config.hostname and not _shares_hostname(host):
        in_network_of_host = host.network_mode == "host"
        config.hostname = room.machine.hostname if in_network_of_host else short(identifier)
    warnings += check(config, host, room.machine.facts, lambda ref: _kind_of(room, ref))
    warnings += check_platform(
        platform,
        image.config,
        config.image,
        room.machine.architecture,
        built_in=bool(platform) and room.store.builtins.is_builtin(image.id),
    )
    endpoints = room.networks.plan(config, host, networking, warnings)
    planned = plan_mounts(config, host, room.registry.find)
    image_mounts.resolve(room.store, planned)
    for mode in (host.pid_mode, host.ipc_mode, host.network_mode):
        if mode.startswith("container:"):
            other = room.registry.find(mode.partition(":")[2]).plan.config
            if mode == host.network_mode and host.uts_mode != "host":
                config.hostname, config.domainname = other.hostname, other.domainname
    path, args = command_line(config)
    claimed = room.registry.claim(name, identifier)
    made: list[str] = []
    try:
        snapshot = room.store.snapshots.prepare(identifier, image)
        made = [volume.name for volume in make_volumes(planned, host, room.volumes) if volume.anonymous]
        await copyup.fill(room, snapshot, planned)
        plan = Plan(
            image_id=image.id,
            image_name=config.image,
            config=config,
            host=host,
            path=path,
            args=args,
            mounts=planned,
            endpoints=endpoints,
        )
        container = room.registry.add(Row(identifier, claimed, now(), plan, Condition()))
    except BaseException as error:
        room.registry.release(claimed)
        await asyncio.shield(_unmake(room, identifier, made))
        if isinstance(error, OSError):
            raise as_failure(error, f"making container {claimed}") from error
        raise
    room.event(container, "create")
    return ContainerCreated(id=identifier, warnings=warnings)


async def _unmake(room: Room, identifier: str, volumes: list[str]) -> None:
    for volume in volumes:
        await room.volumes.discard(volume)
    room.trash.throw(room.store.snapshots.directory(identifier))
    with contextlib.suppress(NotFound):
        room.store.snapshots.get(identifier).remove()


def _shares_hostname(host: HostConfig) -> bool:
    return host.uts_mode == "host" or host.network_mode.startswith("container:")


def _kind_of(room: Room, ref: str) -> str:
    confinement = room.registry.find(ref).condition.confinement
    return confinement.user_namespace if confinement is not None else ""
