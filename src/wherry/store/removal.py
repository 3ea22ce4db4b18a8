"""Removing a directory tree without ever following a link, by descriptors."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable

__all__ = ["Interrupted", "remove_tree"]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_DEEPEST = 64


class Interrupted(Exception):
    """A removal was told to stop; a part of the tree is left."""


def remove_tree(path: str, *, stop: Callable[[], bool] = lambda: False) -> None:
    """Remove `path` and all below it; nothing happens when it isn't there. Any depth.

    `stop` is asked before each file. Raises OSError, and Interrupted once it says so.
    """
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(status.st_mode):
        os.unlink(path)
        return
    root = os.open(path, _DIRECTORY)
    try:
        _clear(root, root, 0, stop)
    finally:
        os.close(root)
    os.rmdir(path)


def _clear(root: int, directory: int, depth: int, stop: Callable[[], bool]) -> None:
    with os.scandir(directory) as entries:
        names = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_directory in names:
        if stop():
            raise Interrupted
        if not is_directory:
            os.unlink(name, dir_fd=directory)
            continue
        if depth >= _DEEPEST:
            # Too deep to hold a descriptor for each level: hang it in at the top, and go on from there.
            moved = f".deep-{os.urandom(8).hex()}"
            os.rename(name, moved, src_dir_fd=directory, dst_dir_fd=root)
            continue
        _remove_directory(root, directory, name, depth, stop)
    if depth == 0 and (deep := [name for name in os.listdir(root) if name.startswith(".deep-")]):
        for name in deep:
            _remove_directory(root, root, name, 1, stop)
        _clear(root, root, 0, stop)


def _remove_directory(root: int, parent: int, name: str, depth: int, stop: Callable[[], bool]) -> None:
    try:
        child = os.open(name, _DIRECTORY, dir_fd=parent)
    except PermissionError:
        os.chmod(name, 0o700, dir_fd=parent)
        child = os.open(name, _DIRECTORY, dir_fd=parent)
    try:
        _clear(root, child, depth + 1, stop)
    finally:
        os.close(child)
    os.rmdir(name, dir_fd=parent)
