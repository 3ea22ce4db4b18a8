"""All about one container, as `inspect` says it."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from wherry.errors import NotFound

from ..models import ContainerInspect, EndpointSettings, GraphDriver, NetworkSettings
from ..moments import rfc3339
from . import sizes
from .mounts import shown_mounts

if TYPE_CHECKING:
    from .registry import Container
    from .room import Room


async def inspect(room: Room, container: Container, *, size: bool) -> ContainerInspect:
    """See `Containers.inspect`. Sizes are measured in a thread."""
    plan, condition = container.plan, container.condition
    directory = room.directory(container)
    state = condition.shown()
    state.health = container.health
    shown = ContainerInspect(
        id=container.id,
        created=rfc3339(container.created),
        path=plan.path,
        args=plan.args,
        state=state,
        image=plan.image_id,
        resolv_conf_path=os.path.join(directory, "resolv.conf"),
        hostname_path=os.path.join(directory, "hostname"),
        hosts_path=os.path.join(directory, "hosts"),
        log_path="" if plan.host.log_config.type == "none" else os.path.join(directory, "container.log"),
        name=f"/{container.name}",
        restart_count=condition.restart_count,
        driver=_driver(room, container),
        platform=plan.platform,
        app_armor_profile=condition.confinement.apparmor if condition.confinement is not None else "",
        exec_ids=sorted(container.execs) or None,
        host_config=plan.host,
        graph_driver=GraphDriver(name=_driver(room, container), data=None),
        mounts=shown_mounts(plan.mounts, room.volumes.path),
        config=plan.config,
        network_settings=network_settings(container),
        wherry=condition.confinement,
    )
    if size:
        shown.size_rw, shown.size_root_fs = await asyncio.to_thread(sizes.measure, room, container)
    return shown


def _driver(room: Room, container: Container) -> str:
    try:
        return room.store.snapshots.get(container.id).driver.name
    except NotFound:
        return ""


def network_settings(container: Container) -> NetworkSettings:
    """What the networks gave it, else what it asked of them."""
    condition = container.condition
    networks = {
        name: condition.endpoints.get(name) or asked for name, asked in container.plan.endpoints.items()
    }
    first = condition.endpoints.get("bridge") or EndpointSettings()
    return NetworkSettings(
        sandbox_id=container.id if condition.alive else "",
        sandbox_key=f"/proc/{condition.pid}/ns/net" if condition.alive else "",
        ports=condition.ports,
        endpoint_id=first.endpoint_id,
        gateway=first.gateway,
        global_ipv6_address=first.global_ipv6_address,
        global_ipv6_prefix_len=first.global_ipv6_prefix_len,
        ip_address=first.ip_address,
        ip_prefix_len=first.ip_prefix_len,
        ipv6_gateway=first.ipv6_gateway,
        mac_address=first.mac_address,
        networks=networks,
    )
