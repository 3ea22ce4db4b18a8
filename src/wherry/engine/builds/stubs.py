"""The empty places that a step's container got for its mounts are nothing that the step did."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wherry.store.layers.overlayform import is_whiteout
from wherry.store.root import Root
from wherry.store.snapshots.merged import Member, Merged

from ..containers.mount_points import MOUNT_POINTS

if TYPE_CHECKING:
    import os

    from wherry.store.snapshots import Snapshot
    from wherry.store.snapshots.driver import Delta


def stubs_in(snapshot: Snapshot, targets: Sequence[str]) -> set[str]:
    """What to leave out of the differences: the mount points (`targets` are those of the step's own mounts)
    that the layers below lack, and directories that only these had changed. Relative paths."""
    stubs = {path.strip("/") for path in (*MOUNT_POINTS, *targets)}
    above = {"/".join(path.split("/")[:count]) for path in stubs for count in range(1, path.count("/") + 1)}
    driver, place = snapshot.driver, snapshot.place
    with Merged([*reversed(place.lowers)]) as below:
        upper = driver.upper(place)
        if upper is not None:
            return _of_upper(upper, below, stubs, above)
        return _of_deltas(list(driver.delta(place)), below, stubs, above)


def _of_upper(upper: str, below: Merged, stubs: set[str], above: set[str]) -> set[str]:
    """Only what may be a stub is looked at: there may be many thousands of other files."""
    dropped: set[str] = set()
    with Root(upper) as top:
        for name in sorted(stubs | above, key=lambda path: path.count("/"), reverse=True):
            now = top.status(name)
            if now is None or is_whiteout(now):
                continue
            if stat.S_ISDIR(now.st_mode) and any(
                f"{name}/{one}" not in dropped for one in top.members(name)[0]
            ):
                continue
            was = below.find(name)
            if (name in stubs and was is None) or (
                name in above and not top.is_opaque(name) and _untouched(now, was)
            ):
                dropped.add(name)
    return dropped


def _of_deltas(deltas: list[Delta], below: Merged, stubs: set[str], above: set[str]) -> set[str]:
    if not any(delta.name in stubs for delta in deltas):
        return set()
    needed: set[str] = set()  # directories with something in them that stays
    dropped: set[str] = set()
    for name, member, mark in reversed(deltas):
        was = below.find(name) if name in stubs or name in above else None
        if (
            name not in needed
            and member is not None
            and (
                (name in stubs and was is None)
                or (name in above and not mark and _untouched(member.status, was))
            )
        ):
            dropped.add(name)
        else:
            parts = name.split("/")
            needed.update("/".join(parts[:count]) for count in range(1, len(parts)))
    return dropped


def _untouched(now: os.stat_result, before: Member | None) -> bool:
    """Whether a directory is as it was, or was only made to have a stub in it."""
    if before is None:
        return True
    was = before.status
    return (was.st_mode, was.st_uid, was.st_gid) == (now.st_mode, now.st_uid, now.st_gid)
