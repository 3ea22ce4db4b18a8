"""What changed, as `docker diff` says it."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from wherry.store.layers.overlayform import is_whiteout
from wherry.store.snapshots.driver import Change
from wherry.store.snapshots.merged import find, is_opaque_path, walk

__all__ = ["changes_of_trees", "changes_of_upper"]


def changes_of_upper(upper: str, lowers: Sequence[str], target: str = "/") -> list[Change]:
    """Differences that an overlay's upper directory makes to the merged `lowers` (topmost first).

    A directory that is only there because something below it changed, and is itself as it was, is listed as
    changed all the same, as Docker does; one that is there for no reason at all is not.
    """
    found: dict[str, str] = {}
    base = target.rstrip("/")

    def visit(directory: str, path: str, hidden: bool) -> None:
        for name in sorted(os.listdir(directory)):
            real, where = f"{directory}/{name}", f"{path}{name}"
            status = os.lstat(real)
            before = None if hidden else find(lowers, where)
            if is_whiteout(status):
                if before is not None:
                    _note(found, where, "D")
                continue
            is_directory = stat.S_ISDIR(status.st_mode)
            if before is None:
                _note(found, where, "A")
            elif not (is_directory and _same_directory(status, before.status)):
                _note(found, where, "C")
            if is_directory:
                opaque = is_opaque_path(real)
                if opaque and before is not None and stat.S_ISDIR(before.status.st_mode):
                    kept = set(os.listdir(real))
                    below = [f"{lower}/{where}" for lower in lowers]
                    for member in walk([lower for lower in below if os.path.isdir(lower)]):
                        if "/" not in member.path and member.path not in kept:
                            _note(found, f"{where}/{member.path}", "D")
                visit(real, where + "/", hidden or opaque or before is None)

    visit(upper, "", False)
    if base and found:
        found[""] = "C"
    return [Change(kind, f"{base}/{where}" if where else base) for where, kind in sorted(found.items())]


def changes_of_trees(rootfs: str, lowers: Sequence[str]) -> list[Change]:
    """Differences between a whole tree and the merged `lowers` (topmost first), by what lstat says.

    Like Docker's, it does not read contents: size, times, mode and owner tell.
    """
    found: dict[str, str] = {}
    before = {member.path: member.status for member in walk(lowers)}
    after = {member.path: member.status for member in walk([rootfs])}
    for path, status in after.items():
        was = before.get(path)
        if was is None:
            _note(found, path, "A")
        elif not _same(status, was):
            _note(found, path, "C")
    for path in before:
        parent = path.rpartition("/")[0]
        if path not in after and (not parent or parent in after):
            _note(found, path, "D")
    return [Change(kind, f"/{path}") for path, kind in sorted(found.items())]


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
    return (
        stat.S_ISDIR(was.st_mode)
        and now.st_mode == was.st_mode
        and (now.st_uid, now.st_gid) == (was.st_uid, was.st_gid)
        and now.st_mtime_ns == was.st_mtime_ns
    )
