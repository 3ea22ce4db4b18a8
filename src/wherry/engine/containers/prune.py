"""Removing all containers that do not run."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from wherry.errors import Conflict, NotFound

from ..filters import Filters, check, matches_labels
from ..models import ContainersPruned
from ..moments import parse_moment
from . import sizes
from .record import CREATED, DEAD, EXITED
from .remove import remove

if TYPE_CHECKING:
    from .room import Room


async def prune(room: Room, filters: Filters) -> ContainersPruned:
    """See `Containers.prune`."""
    check(filters, frozenset({"label", "label!", "until"}))
    until = min((parse_moment(text) for text in filters.get("until", [])), default=None)
    removed: list[str] = []
    reclaimed = 0
    for container in room.registry:
        if container.condition.status not in (CREATED, EXITED, DEAD):
            continue
        if until is not None and container.created > until * 1e9:
            continue
        if not matches_labels(container.plan.config.labels, filters.get("label", [])):
            continue
        if (without := filters.get("label!")) and matches_labels(container.plan.config.labels, without):
            continue
        written, _ = await asyncio.to_thread(sizes.measure, room, container)
        with contextlib.suppress(Conflict, NotFound):
            await remove(room, container, force=False, volumes=False)
            removed.append(container.id)
            reclaimed += written
    room.events.publish("container", "prune", "", {"reclaimed": str(reclaimed)})
    return ContainersPruned(containers_deleted=removed or None, space_reclaimed=reclaimed)
