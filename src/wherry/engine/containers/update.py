"""Changing limits and the restart policy, of a running container at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from wherry.errors import Conflict, Invalid, NotFound
from wherry.linux import cgroups

from ..models import ContainerUpdated, HostConfig, Resources, UpdateConfig
from .record import DEAD, REMOVING
from .validation import check_resources, check_restart

if TYPE_CHECKING:
    from .registry import Container
    from .room import Room

_FIELDS = tuple(field.name for field in msgspec.structs.fields(Resources))
_CHANGEABLE = frozenset(
    {
        "blkio_weight",
        "cpu_period",
        "cpu_quota",
        "cpu_realtime_period",
        "cpu_realtime_runtime",
        "cpu_shares",
        "cpuset_cpus",
        "cpuset_mems",
        "memory",
        "memory_reservation",
        "memory_swap",
        "nano_cpus",
        "pids_limit",
    }
)


async def update(room: Room, container: Container, changes: UpdateConfig) -> ContainerUpdated:
    """See `Containers.update`. Nothing is changed when one of the values is refused."""
    async with container.lock:
        condition = container.condition
        if condition.status in (REMOVING, DEAD):
            raise Conflict(f'Container {container.id} is marked for removal and cannot be "update".')
        host = _changed(container.plan.host, changes)
        if changes.restart_policy is not None and changes.restart_policy.name:
            check_restart(changes.restart_policy, auto_remove=host.auto_remove)
            if host.auto_remove and changes.restart_policy.name != "no":
                raise Invalid(
                    "Restart policy cannot be updated because AutoRemove is enabled for the container"
                )
            host.restart_policy = changes.restart_policy
        warnings: list[str] = []
        if condition.alive and condition.cgroup:
            limits = room.resources(host)
            try:
                cgroup = cgroups.open_existing(condition.cgroup)
            except NotFound:
                raise Conflict(f"container {container.id} has no cgroup any more") from None
            warnings = await asyncio.to_thread(cgroup.update, limits)
        elif condition.alive and _limits(host) != _limits(container.plan.host):
            warnings = ["this machine gives the container no cgroup: its limits have no effect"]
        container.plan.host = host
        room.registry.save_plan(container)
        room.event(container, "update")
    return ContainerUpdated(warnings=warnings)


def _limits(host: HostConfig) -> list[object]:
    return [getattr(host, name) for name in sorted(_CHANGEABLE)]


def _changed(host: HostConfig, changes: UpdateConfig) -> HostConfig:
    """The host configuration with the limits that were given. Raises `Invalid`."""
    new = HostConfig(**{name: getattr(host, name) for name in HostConfig.__struct_fields__})
    for name in _FIELDS:
        value = getattr(changes, name)
        if value is None or value == 0 or value == "" or value == []:
            continue
        if name not in _CHANGEABLE:
            raise Invalid(f"{name} can't be changed once the container is made")
        setattr(new, name, value)
    if changes.nano_cpus and (host.cpu_quota or host.cpu_period):
        raise Invalid(
            "Conflicting options: Nano CPUs cannot be updated as CPU Quota/Period has already been set"
        )
    if (changes.cpu_quota or changes.cpu_period) and host.nano_cpus:
        raise Invalid(
            "Conflicting options: CPU Quota/Period cannot be updated as NanoCPUs has already been set"
        )
    if changes.memory and not changes.memory_swap and 0 < host.memory_swap < changes.memory:
        raise Invalid(
            "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the "
            "same time"
        )
    check_resources(new)
    return new
