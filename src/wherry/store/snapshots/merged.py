"""Several directories seen as one, the way overlayfs merges them, without mounting anything.

Used where a mount is not worth its trouble or not allowed: `export`, `diff`, the copy driver. Not a security
boundary by itself: it reads by paths below directories that only the engine writes, and never follows links.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from wherry.store.layers.overlayform import is_whiteout

__all__ = ["Member", "find", "is_opaque_path", "walk"]


class Member(NamedTuple):
    """One thing in the merged view: `path` relative to its root, and where it really is."""

    path: str
    real: str
    status: os.stat_result


def walk(directories: Sequence[str], prefix: str = "") -> Iterator[Member]:
    """Everything below `directories` (topmost first), parents before children, names sorted; not the root."""
    visible: dict[str, tuple[str, os.stat_result]] = {}
    below: dict[str, list[str]] = {}
    closed: set[str] = set()  # names that no lower directory adds to any more
    for directory in directories:
        for name in _names(directory):
            if name in closed:
                continue
            real = f"{directory}/{name}"
            status = os.lstat(real)
            if not stat.S_ISDIR(status.st_mode):
                closed.add(name)
                if name not in visible and not is_whiteout(status):
                    visible[name] = (real, status)
                continue
            visible.setdefault(name, (real, status))
            below.setdefault(name, []).append(real)
            if is_opaque_path(real):
                closed.add(name)
    for name in sorted(visible):
        real, status = visible[name]
        yield Member(prefix + name, real, status)
        if name in below:
            yield from walk(below[name], f"{prefix}{name}/")


def find(directories: Sequence[str], path: str) -> Member | None:
    """What is at `path` (relative, no links followed) in the merged view, or None."""
    current = list(directories)
    parts = path.split("/")
    for number, part in enumerate(parts):
        following: list[str] = []
        first: tuple[str, os.stat_result] | None = None
        for directory in current:
            real = f"{directory}/{part}"
            try:
                status = os.lstat(real)
            except (FileNotFoundError, NotADirectoryError):
                continue
            if not stat.S_ISDIR(status.st_mode):
                if first is None and not is_whiteout(status):
                    first = (real, status)
                break
            first = first or (real, status)
            following.append(real)
            if is_opaque_path(real):
                break
        if first is None:
            return None
        if number == len(parts) - 1:
            return Member(path, *first)
        if not following:
            return None
        current = following
    return None


def is_opaque_path(directory: str) -> bool:
    """Whether the directory hides what is below it."""
    try:
        return os.getxattr(directory, "user.overlay.opaque", follow_symlinks=False) in (b"y", b"x")
    except OSError:
        return False


def _names(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except FileNotFoundError:
        return []
