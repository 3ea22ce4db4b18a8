"""What a container takes on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.errors import NotFound

if TYPE_CHECKING:
    from .registry import Container
    from .room import Room


def measure(room: Room, container: Container) -> tuple[int, int]:
    """Bytes of the writable layer, and of it and the image together. Blocks for some microseconds a file."""
    try:
        written = room.store.snapshots.get(container.id).usage()
    except (NotFound, FileNotFoundError):
        return 0, 0
    try:
        below = room.store.images.get(container.plan.image_id).size
    except NotFound:
        below = 0
    return written, written + below
