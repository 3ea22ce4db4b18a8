"""The sources of bind mounts, looked after at each start."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wherry.errors import Invalid

from .record import PlannedMount

if TYPE_CHECKING:
    from .room import Room


def prepare(room: Room, planned: Sequence[PlannedMount]) -> None:
    """Make the directories that `-v` promises, and volumes' directories anew if somebody removed them.

    Raises `Invalid`, in Docker's words, when a source is missing or can't be made.
    """
    for mount in planned:
        if mount.kind == "volume":
            mount.source = room.volumes.path(mount.volume)
            os.makedirs(mount.source, 0o755, exist_ok=True)
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
