"""The steps from an image to a snapshot, read off an overlay's upper directory or off two whole trees."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence

from wherry.store.layers.overlayform import is_whiteout
from wherry.store.root import Root
from wherry.store.snapshots.compare import changes_of_trees
from wherry.store.snapshots.driver import Delta
from wherry.store.snapshots.merged import Member

__all__ = ["delta_of_trees", "delta_of_upper"]


def delta_of_upper(upper: str, prefix: str = "") -> Iterator[Delta]:
    """Everything in `upper`, under `prefix` in the archive."""
    with Root(upper) as root:
        if prefix and root.members("")[0]:
            status = root.status("")
            if status is not None:
                yield Delta(prefix, Member("", root, status))
        yield from _visit(root, "", f"{prefix}/" if prefix else "")


def delta_of_trees(rootfs: str, lowers: Sequence[str]) -> Iterator[Delta]:
    """What differs between the tree `rootfs` and the merged `lowers` (topmost first)."""
    with Root(rootfs) as root:
        for change in changes_of_trees(rootfs, lowers):
            path = change.path.lstrip("/")
            if change.kind == "D":
                yield Delta(path, None, "whiteout")
            elif (status := root.status(path)) is not None:
                yield Delta(path, Member(path, root, status))


def _visit(root: Root, path: str, prefix: str) -> Iterator[Delta]:
    for name, status in sorted(root.members(path)[0].items()):
        where = f"{path}/{name}" if path else name
        if is_whiteout(status):
            yield Delta(prefix + where, None, "whiteout")
        elif stat.S_ISDIR(status.st_mode):
            mark = "opaque" if root.is_opaque(where) else ""
            yield Delta(prefix + where, Member(where, root, status), mark)
            yield from _visit(root, where, prefix)
        else:
            yield Delta(prefix + where, Member(where, root, status))
