"""Finding things in a container's merged layers without mounting them, links resolved inside."""

from __future__ import annotations

import os
import stat

from wherry.store.snapshots.merged import Merged

Stack = list[tuple[str, tuple[str, ...]]]
"""For each tree: where it is, and the directories to merge for it, topmost first (`Driver.stack`)."""

_LINKS = 40


def tree_of(stack: Stack, path: str) -> tuple[tuple[str, ...], str]:
    """The directories to merge for `path`, and the path relative to them; the innermost tree counts."""
    best, rest = stack[0][1], path.lstrip("/")
    for target, directories in stack[1:]:
        if path == target or path.startswith(target.rstrip("/") + "/"):
            best, rest = directories, path[len(target) :].lstrip("/")
    return best, rest


def follow(stack: Stack, path: str) -> tuple[str, os.stat_result | None] | None:
    """Where `path` leads: the canonical path and what is there (None for a tree's root); None for nothing."""
    done, pending, links = "", [part for part in path.split("/") if part], 0
    status: os.stat_result | None = None
    while pending:
        part = pending.pop(0)
        if part == ".":
            continue
        if part == "..":
            done, status = done.rpartition("/")[0], None
            continue
        directories, rest = tree_of(stack, f"{done}/{part}")
        if not rest:
            done, status = f"{done}/{part}", None
            continue
        with Merged(directories) as merged:
            found = merged.find(rest)
            if found is None:
                return None
            target = found.root.link(rest) if stat.S_ISLNK(found.status.st_mode) else None
        if target is not None:
            links += 1
            if links > _LINKS:
                return None
            pending = [step for step in os.fsdecode(target).split("/") if step] + pending
            if target.startswith(b"/"):
                done = ""
            continue
        if pending and not stat.S_ISDIR(found.status.st_mode):
            return None
        done, status = f"{done}/{part}", found.status
    return done or "/", status


def read_small(stack: Stack, path: str, *, limit: int) -> bytes:
    """A regular file's first `limit` bytes; b"" when there is none. Never blocks on a FIFO, never leaves.

    The container may be running and change things meanwhile: nothing is opened through a link.
    """
    place = follow(stack, path)
    if place is None:
        return b""
    directories, rest = tree_of(stack, place[0])
    with Merged(directories) as merged:
        found = merged.find(rest) if rest else None
        fd = found.root.open(rest, os.O_RDONLY) if found is not None else None
    if fd is None:
        return b""
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return b""
        data = b""
        while len(data) < limit and (piece := os.read(fd, limit - len(data))):
            data += piece
        return data
    finally:
        os.close(fd)
