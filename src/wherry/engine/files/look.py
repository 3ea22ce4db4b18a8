"""What is at a path inside, as Docker's clients are told."""

from __future__ import annotations

import os
import stat
from typing import Any

from wherry.linux import resolve

# Go's os.FileMode (package io/fs): its own bits above the nine of the permissions.
_KINDS = {
    stat.S_IFDIR: 1 << 31,
    stat.S_IFLNK: 1 << 27,
    stat.S_IFBLK: 1 << 26,
    stat.S_IFIFO: 1 << 25,
    stat.S_IFSOCK: 1 << 24,
    stat.S_IFCHR: 1 << 26 | 1 << 21,
}


def split(path: str) -> tuple[str, str]:
    """The directory, and the name in it; the name is "" when `path` means a directory itself (`/`,
    `x/`, `x/.`)."""
    absolute = "/" + path.lstrip("/")
    if absolute.endswith(("/", "/.", "/..")):
        return absolute, ""
    head, _, name = absolute.rpartition("/")
    return head or "/", name


def describe(root: int, path: str, proc: int) -> dict[str, Any]:
    """The last part of `path` is not followed if it is a link; then `linkTarget` is where it leads.

    `proc` is /proc/self/fd, opened outside. Raises OSError.
    """
    directory, name = split(path)
    parent = resolve.open_in(root, directory, os.O_PATH | os.O_DIRECTORY)
    try:
        status = os.stat(name, dir_fd=parent, follow_symlinks=False) if name else os.fstat(parent)
        target = _leads_to(root, directory, parent, name, proc) if stat.S_ISLNK(status.st_mode) else ""
    finally:
        os.close(parent)
    return {
        "name": name or os.path.basename(os.path.normpath("/" + path)) or "/",
        "size": status.st_size,
        "mode": go_mode(status.st_mode),
        "mtime_ns": status.st_mtime_ns,
        "linkTarget": target,
    }


def go_mode(mode: int) -> int:
    """`st_mode` in Go's spelling."""
    found = mode & 0o777 | _KINDS.get(stat.S_IFMT(mode), 0)
    for bit, spelled in ((stat.S_ISUID, 1 << 23), (stat.S_ISGID, 1 << 22), (stat.S_ISVTX, 1 << 20)):
        if mode & bit:
            found |= spelled
    return found


def _leads_to(root: int, directory: str, parent: int, name: str, proc: int) -> str:
    target = os.readlink(name, dir_fd=parent)
    joined = target if target.startswith("/") else os.path.join(directory, target)
    try:
        found = resolve.open_in(root, joined)
    except OSError:
        return os.path.normpath(joined)  # it leads nowhere: say where that would be
    try:
        real = os.readlink(str(found), dir_fd=proc)
        top = os.readlink(str(root), dir_fd=proc)
    except OSError:
        return os.path.normpath(joined)
    finally:
        os.close(found)
    return "/" + real.removeprefix(top).lstrip("/") if top != "/" else real
