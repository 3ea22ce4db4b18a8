"""A new volume begins with what the image has at its place."""

from __future__ import annotations

import asyncio
import os
import stat
from typing import TYPE_CHECKING

from wherry.store.diskerrors import disk_errors
from wherry.store.snapshots.copying import copy_merged
from wherry.store.snapshots.merged import Merged

from . import bind_sources
from .lookup import Stack, follow, tree_of
from .record import PlannedMount

if TYPE_CHECKING:
    from wherry.store.snapshots import Snapshot

    from .room import Room


async def fill(room: Room, snapshot: Snapshot, planned: list[PlannedMount]) -> None:
    """Copy the image's content into those volumes that are empty; the copying is done in a thread.

    One that is in memory only (`tmpfs`) would lose it before the start, so it begins empty.
    """
    work = []
    await bind_sources.mount_slow(room, [one for one in planned if not one.no_copy and not one.subpath])
    for mount in planned:
        if room.volumes.filesystem(mount.volume) == "tmpfs":
            continue
        if mount.kind != "volume" or mount.no_copy or mount.subpath or not _is_empty(mount.source):
            continue
        stack = snapshot.driver.stack(snapshot.place)
        place = follow(stack, mount.target)
        if place is not None and (place[1] is None or stat.S_ISDIR(place[1].st_mode)):
            work.append((stack, place[0], mount.source))
    for trees, path, destination in work:
        await asyncio.to_thread(_copy, trees, path, destination)


def _is_empty(directory: str) -> bool:
    try:
        with os.scandir(directory) as entries:
            return next(entries, None) is None
    except OSError:
        return False


def _copy(stack: Stack, place: str, destination: str) -> None:
    directories, rest = tree_of(stack, place)
    with disk_errors(f"the volume at {destination}"), Merged(directories) as whole:
        below = [os.path.join(root.path, rest) for root in whole._roots_of(rest)]
        if not below:
            return
        top = os.stat(below[0])
        with Merged(below) as merged:
            copy_merged(merged, destination)
        os.chown(destination, top.st_uid, top.st_gid)
        os.chmod(destination, stat.S_IMODE(top.st_mode))
        os.utime(destination, ns=(top.st_atime_ns, top.st_mtime_ns))
