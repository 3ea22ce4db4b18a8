"""The copy driver: each container has its own whole copy of the image. Slow and large, but it needs nothing
of the kernel; for filesystems that overlayfs can't use (NFS, some FUSE, overlay on overlay).

    containers/<id>/rootfs
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from wherry.store.removal import remove_tree
from wherry.store.snapshots.compare import changes_of_trees
from wherry.store.snapshots.copying import copy_merged
from wherry.store.snapshots.delta import delta_of_trees
from wherry.store.snapshots.driver import Change, Delta, Extra, Mount, Place
from wherry.store.snapshots.merged import Merged

__all__ = ["CopyDriver"]


class CopyDriver:
    """See `Driver`. Directories of the machine (the `host` image) can only be shown read-only."""

    name = "copy"

    def create(self, place: Place) -> None:
        mode, uid, gid = place.root
        rootfs = _rootfs(place)
        os.mkdir(rootfs, 0o755)
        os.chmod(rootfs, mode)
        if (uid, gid) != (os.geteuid(), os.getegid()):
            try:
                os.chown(rootfs, uid, gid)
            except OSError:
                pass  # an id that isn't there in this user namespace
        with Merged([*reversed(place.lowers)]) as merged:
            copy_merged(merged, rootfs)

    def mounts(self, place: Place) -> list[Mount]:
        plan: list[Mount] = [{"type": "bind", "target": "/", "source": _rootfs(place)}]
        return plan + [_read_only(extra) for extra in place.extras]

    def remove(self, place: Place) -> None:
        remove_tree(_rootfs(place))

    def changes(self, place: Place) -> list[Change]:
        return changes_of_trees(_rootfs(place), [*reversed(place.lowers)])

    def delta(self, place: Place) -> Iterator[Delta]:
        return delta_of_trees(_rootfs(place), [*reversed(place.lowers)])

    def writable(self, place: Place) -> list[str]:
        return [_rootfs(place)]

    def stack(self, place: Place) -> list[tuple[str, tuple[str, ...]]]:
        trees: list[tuple[str, tuple[str, ...]]] = [("/", (_rootfs(place),))]
        return trees + [(extra.target, (extra.source,)) for extra in place.extras]

    def upper(self, place: Place) -> str | None:
        return None


def _rootfs(place: Place) -> str:
    return os.path.join(place.directory, "rootfs")


def _read_only(extra: Extra) -> Mount:
    # A layer without an upper directory; a bind would be writable, and this is the machine's own.
    return {"type": "overlay", "target": extra.target, "lower": [extra.source]}
