"""Giving a container another name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.errors import Conflict, Invalid

from .record import DEAD, REMOVING

if TYPE_CHECKING:
    from .registry import Container
    from .room import Room


async def rename(room: Room, container: Container, name: str) -> None:
    """See `Containers.rename`."""
    name = name.removeprefix("/")
    if not name:
        raise Invalid("Neither old nor new names may be empty")
    async with container.lock:
        if container.condition.status in (REMOVING, DEAD):
            raise Conflict(f"container {container.id} is marked for removal and cannot be renamed")
        if name == container.name:
            raise Invalid("Renaming a container with the same name as its current name")
        old = container.name
        room.registry.claim(name, container.id)
        try:
            room.registry.rename(container, name)
        except BaseException:
            room.registry.release(name)
            raise
        await room.networks.renamed(container, old)
    room.event(container, "rename", oldName=f"/{old}")
