"""A container's part in networks, at its start and end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import hostfiles

if TYPE_CHECKING:
    from .registry import Container
    from .room import Room


async def join(room: Room, container: Container, pid: int) -> None:
    """Attach the network namespace of `pid` to the networks asked for; condition and hosts say what it
    got."""
    joined = await room.networks.join(container, pid)
    if joined is None:
        return
    container.condition.endpoints = joined.endpoints
    _say(room, container, "connect")
    container.condition.ports = joined.ports
    hostfiles.rewrite_hosts(room, container, joined.hosts)


async def leave(room: Room, container: Container) -> None:
    """Give addresses and ports back."""
    if container.condition.endpoints:
        await room.networks.leave(container)
        _say(room, container, "disconnect")
    container.condition.endpoints = {}
    container.condition.ports = {}


def _say(room: Room, container: Container, action: str) -> None:
    for name, got in container.condition.endpoints.items():
        said = {"container": container.id, "name": name, "type": "bridge"}
        room.events.publish("network", action, got.network_id, said)
