"""The overlay driver: layers as lower directories, one upper directory a container; nothing is copied.

containers/<id>/upper work                  the root filesystem's
containers/<id>/extra/<n>/upper work        those of further overlays over directories of the machine
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from wherry.store.removal import remove_tree
from wherry.store.snapshots.compare import changes_of_upper
from wherry.store.snapshots.delta import delta_of_upper
from wherry.store.snapshots.driver import Change, Delta, Extra, Mount, Place

__all__ = ["OverlayDriver"]


class OverlayDriver:
    """See `Driver`. `empty` is an empty directory, for overlays that would have too few lower ones."""

    name = "overlay"

    def __init__(self, empty: str) -> None:
        self._empty = empty

    def create(self, place: Place) -> None:
        mode, uid, gid = place.root
        for directory in self.writable(place):
            os.makedirs(os.path.dirname(directory), mode=0o700, exist_ok=True)
            os.mkdir(directory, 0o755)
            os.mkdir(os.path.join(os.path.dirname(directory), "work"), 0o700)
        upper = os.path.join(place.directory, "upper")
        os.chmod(upper, mode)
        if (uid, gid) != (os.geteuid(), os.getegid()):
            try:
                os.chown(upper, uid, gid)
            except OSError:
                pass  # an id that isn't there in this user namespace
        for number, extra in enumerate(place.extras):
            status = os.stat(extra.source)
            os.chmod(_extra(place, number, "upper"), status.st_mode & 0o7777)

    def mounts(self, place: Place) -> list[Mount]:
        plan: list[Mount] = [
            {
                "type": "overlay",
                "target": "/",
                "lower": [*reversed(place.lowers)] or [self._empty],
                "upper": os.path.join(place.directory, "upper"),
                "work": os.path.join(place.directory, "work"),
            }
        ]
        for number, extra in enumerate(place.extras):
            plan.append(
                {
                    "type": "overlay",
                    "target": extra.target,
                    "lower": self._lowers(place, extra),
                    "upper": _extra(place, number, "upper"),
                    "work": _extra(place, number, "work"),
                }
            )
        return plan

    def remove(self, place: Place) -> None:
        for name in ("upper", "work", "extra"):
            remove_tree(os.path.join(place.directory, name))

    def changes(self, place: Place) -> list[Change]:
        found: list[Change] = []
        for target, directories in self.stack(place):
            found += changes_of_upper(directories[0], directories[1:], target)
        return sorted(set(found), key=lambda change: change.path)

    def delta(self, place: Place) -> Iterator[Delta]:
        yield from delta_of_upper(os.path.join(place.directory, "upper"))
        for number, extra in enumerate(place.extras):
            yield from delta_of_upper(_extra(place, number, "upper"), extra.target.strip("/"))

    def writable(self, place: Place) -> list[str]:
        extras = [_extra(place, number, "upper") for number in range(len(place.extras))]
        return [os.path.join(place.directory, "upper"), *extras]

    def stack(self, place: Place) -> list[tuple[str, tuple[str, ...]]]:
        trees = [("/", (os.path.join(place.directory, "upper"), *reversed(place.lowers)))]
        for number, extra in enumerate(place.extras):
            trees.append((extra.target, (_extra(place, number, "upper"), *self._lowers(place, extra))))
        return trees

    def upper(self, place: Place) -> str | None:
        return None if place.extras else os.path.join(place.directory, "upper")

    def _lowers(self, place: Place, extra: Extra) -> list[str]:
        inside = [os.path.join(lower, extra.target.lstrip("/")) for lower in reversed(place.lowers)]
        return [path for path in inside if _adds(path)] + [extra.source]


def _extra(place: Place, number: int, name: str) -> str:
    return os.path.join(place.directory, "extra", str(number), name)


def _adds(path: str) -> bool:
    """Whether there is a directory with something in it: an empty one would only cost a mount."""
    try:
        with os.scandir(path) as entries:
            return not os.path.islink(path) and next(entries, None) is not None
    except (FileNotFoundError, NotADirectoryError):
        return False
