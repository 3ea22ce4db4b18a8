"""The empty places that a step's container got for its mounts are nothing that the step did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from wherry.store.snapshots.merged import Merged

from ..containers.mount_points import MOUNT_POINTS

if TYPE_CHECKING:
    from wherry.store.snapshots import Snapshot
    from wherry.store.snapshots.driver import Delta


def without_stubs(snapshot: Snapshot, targets: Sequence[str]) -> Iterator[Delta]:
    """The differences without the mount points (`targets` are those of the step's own mounts) that the layers
    below lack, and without directories that only these had changed."""
    stubs = {path.strip("/") for path in (*MOUNT_POINTS, *targets)}
    above = {"/".join(path.split("/")[:count]) for path in stubs for count in range(1, path.count("/") + 1)}
    deltas = list(snapshot.driver.delta(snapshot.place))
    if not any(delta.name in stubs for delta in deltas):
        return snapshot.driver.delta(snapshot.place)
    overlay = snapshot.driver.name == "overlay"
    with Merged(snapshot.driver.stack(snapshot.place)[0][1][1:] if overlay else ()) as below:
        needed: set[str] = set()  # directories with something in them that stays
        dropped: set[str] = set()
        for delta in reversed(deltas):
            name = delta.name
            if name not in needed and (
                (name in stubs and delta.member is not None and below.find(name) is None)
                or (name in above and _untouched(delta, below))
            ):
                dropped.add(name)
            else:
                needed.update(_parents(name))
    # Once more: what a difference refers to is only open while the driver walks over it.
    return (delta for delta in snapshot.driver.delta(snapshot.place) if delta.name not in dropped)


def _parents(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def _untouched(delta: Delta, below: Merged) -> bool:
    """Whether a directory is as it was, or was only made to have a stub in it."""
    if delta.member is None or delta.mark:
        return False
    was, now = below.find(delta.name), delta.member.status
    return was is None or (was.status.st_mode, was.status.st_uid, was.status.st_gid) == (
        now.st_mode,
        now.st_uid,
        now.st_gid,
    )
