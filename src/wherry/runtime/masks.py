"""Masked paths, which the container can't read, and read-only paths, which it can't write."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any

from wherry.linux import mounts, resolve

if TYPE_CHECKING:
    from wherry.runtime.setup import Stage

_NULL = os.makedev(1, 3)


def apply(linux: dict[str, Any], root: int, stage: Stage) -> None:
    """Cover `maskedPaths` and lock `readonlyPaths` below `root`; paths that don't exist are passed over."""
    for path in linux.get("readonlyPaths") or ():
        stage.now = f"making {path} read-only"
        target = _open(root, path)
        if target < 0:
            continue
        tree = mounts.clone_tree("", directory=target)
        mounts.set_attributes(tree, on=mounts.RDONLY)
        mounts.attach(tree, target)
        os.close(tree)
        os.close(target)
    masked = linux.get("maskedPaths") or ()
    if not masked:
        return
    null = _open_null()
    empty = -1
    for path in masked:
        stage.now = f"masking {path}"
        target = _open(root, path)
        if target < 0:
            continue
        if stat.S_ISDIR(os.fstat(target).st_mode):
            if empty < 0:
                empty = tree = mounts.new("tmpfs", {"size": "0", "nr_inodes": "2"}, mounts.RDONLY)
            else:
                tree = mounts.clone_tree("", directory=empty, recursive=False)
        else:
            # What is mounted is this machine's node: root without a user namespace of its own could change
            # its mode and owner. Read-only does not keep anyone from writing to a device.
            tree = mounts.clone_tree("", directory=null, recursive=False)
            mounts.set_attributes(tree, on=mounts.RDONLY)
        mounts.attach(tree, target)
        if tree != empty:
            os.close(tree)
        os.close(target)
    os.close(null)
    if empty >= 0:
        os.close(empty)


def _open_null() -> int:
    """The host's /dev/null, verified to be it (CVE-2025-31133)."""
    null = os.open("/dev/null", os.O_PATH | os.O_CLOEXEC)
    status = os.fstat(null)
    if not stat.S_ISCHR(status.st_mode) or status.st_rdev != _NULL:
        raise OSError(6, "is not the null device", "/dev/null")
    return null


def _open(root: int, path: str) -> int:
    try:
        return resolve.open_in(root, path)
    except (FileNotFoundError, NotADirectoryError):
        return -1
