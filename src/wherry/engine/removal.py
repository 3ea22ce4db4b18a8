"""Removing a directory tree whose content is not ours to trust."""

from __future__ import annotations

import os

_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_DEPTH = 64
"""Levels followed before what is deeper is moved up to the top: a tree of any depth needs few descriptors."""


def remove_tree(path: str) -> None:
    """Remove `path` and all below it by descriptor, so that no link leads elsewhere.

    Blocks; may be repeated; fine when it is not there. Raises OSError for what can't be removed.
    """
    try:
        os.unlink(path)
        return
    except FileNotFoundError:
        return
    except (IsADirectoryError, PermissionError):
        pass
    top = os.open(path, _OPEN)
    try:
        deep = 0
        while True:
            names = _names(top)
            if not names:
                break
            for name in names:
                deep = _remove(top, name, top, deep, 0)
    finally:
        os.close(top)
    os.rmdir(path)


def _remove(parent: int, name: str, top: int, deep: int, depth: int) -> int:
    try:
        os.unlink(name, dir_fd=parent)
        return deep
    except FileNotFoundError:
        return deep
    except (IsADirectoryError, PermissionError):
        pass  # unlink(2): a directory is EISDIR on Linux, EPERM elsewhere; a true EPERM comes again below
    try:
        os.rmdir(name, dir_fd=parent)
        return deep
    except OSError:
        pass
    if depth >= _DEPTH:
        os.rename(name, f".wherry-deep-{deep}", src_dir_fd=parent, dst_dir_fd=top)
        return deep + 1
    directory = os.open(name, _OPEN, dir_fd=parent)
    try:
        for item in _names(directory):
            deep = _remove(directory, item, top, deep, depth + 1)
    finally:
        os.close(directory)
    os.rmdir(name, dir_fd=parent)
    return deep


def _names(directory: int) -> list[str]:
    with os.scandir(directory) as entries:
        return [entry.name for entry in entries]
