"""The empty places that every container gets for its mounts: no change of its own, as in Docker.

Docker keeps them in a layer between image and container. Here they are made in the writable layer when the
image lacks them, and left out when its changes are listed.
"""

from __future__ import annotations

from collections.abc import Sequence

from wherry.store.snapshots.driver import Change

MOUNT_POINTS = frozenset(
    {
        "/.dockerenv",
        "/dev",
        "/dev/console",
        "/dev/pts",
        "/dev/shm",
        "/etc/hostname",
        "/etc/hosts",
        "/etc/resolv.conf",
        "/proc",
        "/sys",
    }
)


def without_mount_points(changes: Sequence[Change]) -> list[Change]:
    """The changes less the mount points that were added, and less directories changed only by that."""
    dropped = {change.path for change in changes if change.kind == "A" and change.path in MOUNT_POINTS}
    if not dropped:
        return list(changes)
    kept = [change for change in changes if change.path not in dropped]
    made_in = {path.rpartition("/")[0] for path in dropped}
    return [
        change
        for change in kept
        if change.kind != "C"
        or change.path not in made_in
        or any(other.path.startswith(f"{change.path}/") for other in kept)
    ]
