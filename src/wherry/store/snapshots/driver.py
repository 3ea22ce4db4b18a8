"""What a snapshot driver does.

A driver hands out mounts to make, never a path to use: what is at the paths named in them means nothing
without the driver. The life of a place: `create` once, `mounts` at every start of the container, `changes`
whenever someone asks (also while it runs), `remove` once; `remove` may be repeated and may find half of
what `create` made.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from wherry.store.snapshots.merged import Member

__all__ = ["Change", "Delta", "Driver", "Extra", "Mount", "Place"]

Mount = dict[str, Any]  # one entry of a root filesystem plan; see `wherry.runtime`


class Extra(NamedTuple):
    """A directory of the machine that lies below all layers at the same place (the `host` image)."""

    target: str  # absolute, inside the container
    source: str  # absolute, on the machine


class Place(NamedTuple):
    """Everything a driver needs to know of one snapshot."""

    directory: str  # the container's, made by the collection
    lowers: tuple[str, ...]  # unpacked layers, lowest first; immutable
    root: tuple[int, int, int]  # mode, uid, gid of `/`
    extras: tuple[Extra, ...]


class Change(NamedTuple):
    """One difference to the image: `kind` is A (added), C (changed) or D (deleted); `path` is absolute."""

    kind: str
    path: str


class Delta(NamedTuple):
    """One step of the way from the image to the snapshot: something to put at `name` (relative), and a mark:
    `whiteout` (nothing is at `name` any more), `opaque` (nothing below shows through), or none."""

    name: str
    member: Member | None
    mark: str = ""


class Driver(Protocol):
    """Blocking, thread-safe for different places."""

    name: str

    def create(self, place: Place) -> None:
        """Make what is needed in `place.directory`. Raises OSError of the disk."""

    def mounts(self, place: Place) -> list[Mount]:
        """The mounts that make the root filesystem, in order."""

    def remove(self, place: Place) -> None:
        """Remove what `create` made. Repeatable."""

    def changes(self, place: Place) -> list[Change]:
        """Differences to the image, sorted by path, with the directories above them as changed."""

    def delta(self, place: Place) -> Iterator[Delta]:
        """What a layer archive of the differences consists of, parents before children."""

    def writable(self, place: Place) -> list[str]:
        """The directories that hold what the container wrote: their disk use is the snapshot's."""

    def stack(self, place: Place) -> list[tuple[str, tuple[str, ...]]]:
        """For each tree (`/` and extras): where it is, and the directories to merge for it, topmost first."""

    def upper(self, place: Place) -> str | None:
        """The one directory that holds all of `delta` in overlay form, if there is one."""
