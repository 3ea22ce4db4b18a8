"""Disk use, counted as du counts it."""

from __future__ import annotations

import stat

__all__ = ["allocated"]

_BLOCK = 512  # the unit of st_blocks, whatever the filesystem's own is


def allocated(path: str) -> int:
    """Bytes allocated to the directory `path` and all below it, each inode once; 0 when it isn't there.

    What vanishes while it is counted is not counted, nor is what is deeper than a path can say.
    """
    from wherry.store.root import Root  # not above: the layers that it knows of measure themselves by us

    try:
        root = Root(path)
    except FileNotFoundError:
        return 0
    with root:
        top = root.status("")
        total = top.st_blocks if top is not None else 0
        seen: set[int] = set()
        pending = [""]
        while pending:
            directory = pending.pop()
            for name, status in root.members(directory)[0].items():
                if stat.S_ISDIR(status.st_mode):
                    pending.append(f"{directory}/{name}" if directory else name)
                elif status.st_nlink > 1:
                    if status.st_ino in seen:
                        continue
                    seen.add(status.st_ino)
                total += status.st_blocks
    return total * _BLOCK
