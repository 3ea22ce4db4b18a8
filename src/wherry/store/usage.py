"""Disk use, counted as du counts it."""

from __future__ import annotations

import os
import stat

__all__ = ["allocated"]

_BLOCK = 512  # the unit of st_blocks, whatever the filesystem's own is


def allocated(path: str) -> int:
    """Bytes allocated to `path` and all below it, each inode once; 0 when it isn't there. What vanishes while
    it is counted is not counted."""
    try:
        total = os.lstat(path).st_blocks * _BLOCK
    except FileNotFoundError:
        return 0
    seen: set[int] = set()
    pending = [path]
    while pending:
        try:
            entries = os.scandir(pending.pop())
        except OSError:  # gone, or deeper than a path can say
            continue
        with entries:
            for entry in entries:
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if stat.S_ISDIR(status.st_mode):
                    pending.append(entry.path)
                elif status.st_nlink > 1:
                    if status.st_ino in seen:
                        continue
                    seen.add(status.st_ino)
                total += status.st_blocks * _BLOCK
    return total
