"""What changed, as `docker diff` says it."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from wherry.store.layers.overlayform import is_whiteout
from wherry.store.root import Root
from wherry.store.snapshots.driver import Change
from wherry.store.snapshots.merged import Merged

__all__ = ["changes_of_trees", "changes_of_upper"]


def changes_of_upper(upper: str, lowers: Sequence[str], target: str = "/") -> list[Change]:
    """Differences that an overlay's upper directory makes to the merged `lowers` (topmost first).

    A directory above a change is listed as changed, as Docker does; what overlayfs only copied up, and is as
    it was (by size, time, mode and owner, as Docker judges), is not.
    """
    found: dict[str, str] = {}

    def visit(path: str) -> None:
        for name, status in sorted(top.members(path)[0].items()):
            where = f"{path}/{name}" if path else name
            before = below.find(where)
            if is_whiteout(status):
                if before is not None:
                    _note(found, where, "D")
                continue
            is_directory = stat.S_ISDIR(status.st_mode)
            if before is None:
                _note(found, where, "A")
            elif not _same(status, before.status):
                _note(found, where, "C")
            if is_directory:
                if before is not None and top.is_opaque(where) and stat.S_ISDIR(before.status.st_mode):
                    for gone in below.names(where) - set(top.members(where)[0]):
                        _note(found, f"{where}/{gone}", "D")
                visit(where)

    with Root(upper) as top, Merged(lowers) as below:
        visit("")
    base = target.rstrip("/")
    if base and found:
        found[""] = "C"
    return [Change(kind, f"{base}/{where}" if where else base) for where, kind in sorted(found.items())]


def changes_of_trees(rootfs: str, lowers: Sequence[str]) -> list[Change]:
    """Differences between a whole tree and the merged `lowers` (topmost first), by what lstat says.

    Like Docker's, it does not read contents: size, time, mode and owner tell.
    """
    found: dict[str, str] = {}
    with Merged(lowers) as below, Merged([rootfs]) as top:
        before = {member.path: member.status for member in below.walk()}
        after = {member.path: member.status for member in top.walk()}
    for path, status in after.items():
        was = before.get(path)
        if was is None:
            _note(found, path, "A")
        elif not _same(status, was):
            _note(found, path, "C")
    for path in before:
        parent = path.rpartition("/")[0]
        if path not in after and (not parent or _is_directory(after.get(parent))):
            _note(found, path, "D")
    return [Change(kind, f"/{path}") for path, kind in sorted(found.items())]


def _is_directory(status: os.stat_result | None) -> bool:
    return status is not None and stat.S_ISDIR(status.st_mode)


def _note(found: dict[str, str], path: str, kind: str) -> None:
    found[path] = kind
    parent = path.rpartition("/")[0]
    while parent and parent not in found:
        found[parent] = "C"
        parent = parent.rpartition("/")[0]


def _same(now: os.stat_result, was: os.stat_result) -> bool:
    if stat.S_ISDIR(now.st_mode) and stat.S_ISDIR(was.st_mode):
        return _same_directory(now, was)
    return (
        now.st_mode == was.st_mode
        and (now.st_uid, now.st_gid, now.st_rdev) == (was.st_uid, was.st_gid, was.st_rdev)
        and now.st_size == was.st_size
        and now.st_mtime_ns == was.st_mtime_ns
    )


def _same_directory(now: os.stat_result, was: os.stat_result) -> bool:
    # Not its time: what came and went in it is listed by itself, or left no trace.
    return (
        stat.S_ISDIR(was.st_mode)
        and now.st_mode == was.st_mode
        and (now.st_uid, now.st_gid) == (was.st_uid, was.st_gid)
    )
