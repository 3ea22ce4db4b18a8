"""/dev/shm of containers that let others share their IPC namespace: a tmpfs that both can mount."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from wherry.linux import mounts

from ..spec import modes

if TYPE_CHECKING:
    from .registry import Container
    from .room import Room


def directory(room: Room, container: Container) -> str:
    """The host directory to mount as /dev/shm, made if it is this container's own; "" for a private one."""
    host = container.plan.host
    mode = modes.parse("ipc", host.ipc_mode)
    if mode.container:
        other = room.registry.find(mode.container)
        return _place(room, other) if other.plan.host.ipc_mode == "shareable" else ""
    if mode.word != "shareable":
        return ""
    place = _place(room, container)
    os.makedirs(place, 0o755, exist_ok=True)
    if not os.path.ismount(place):
        made = mounts.new(
            "tmpfs",
            {"source": "shm", "mode": "1777", "size": str(host.shm_size)},
            mounts.NOSUID | mounts.NODEV | mounts.NOEXEC,
        )
        target = os.open(place, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            mounts.attach(made, target)
        finally:
            os.close(target)
            os.close(made)
    return place


def release(room: Room, container: Container) -> None:
    """Unmount it; fine when it is not there."""
    if container.plan.host.ipc_mode != "shareable":
        return
    place = _place(room, container)
    if os.path.ismount(place):
        mounts.unmount(place)


def _place(room: Room, container: Container) -> str:
    return os.path.join(room.directory(container), "shm")
