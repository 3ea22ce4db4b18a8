"""The snapshots of this store. A snapshot's row is written before its directories and removed after them, so
whatever a crash leaves has a name: a directory without a row is rubbish, a row without a container (which
only the engine can tell, see `sweep`) is too."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
from collections.abc import Callable, Collection, Iterator
from typing import Any

from wherry.errors import Conflict, Internal, NotFound
from wherry.store.database import Database
from wherry.store.diskerrors import disk_errors
from wherry.store.images.model import Image
from wherry.store.layers import Layer, Layers, Lease
from wherry.store.placement import spread
from wherry.store.removal import remove_tree
from wherry.store.snapshots.driver import Change, Driver, Extra, Place
from wherry.store.snapshots.merged import Member, Merged
from wherry.store.snapshots.pack import items_of_delta, no_later, pack_delta, pack_members
from wherry.store.tar import Item
from wherry.store.usage import allocated

__all__ = ["Snapshot", "Snapshots"]


class Snapshot:
    """One container's writable view of an image. Cheap to make; holds nothing open."""

    def __init__(
        self,
        owner: Snapshots,
        identity: str,
        image: str,
        layers: tuple[str, ...],
        driver: Driver,
        place: Place,
    ) -> None:
        self.id = identity
        self.image = image
        self.layers = layers  # diff ids, lowest first
        self.driver = driver
        self.place = place
        self._owner = owner

    def mounts(self) -> dict[str, Any]:
        """The root filesystem plan for `wherry.runtime`: `{"mounts": […], "readonly": false}`."""
        return {"mounts": self.driver.mounts(self.place), "readonly": False}

    def changes(self) -> list[Change]:
        """Differences to the image, sorted by path, as `docker diff` lists them."""
        return self.driver.changes(self.place)

    def layer_archive(self) -> Iterator[bytes]:
        """A layer archive of the differences, deterministic; what `commit` makes the new layer of."""
        return pack_delta(self.driver.delta(self.place))

    def items(self, dropped: Collection[str] = ()) -> Iterator[Item]:
        """The members of that archive, without those whose relative paths are `dropped`."""
        return items_of_delta(one for one in self.driver.delta(self.place) if one.name not in dropped)

    def into_layer(
        self, lease: Lease, *, dropped: Collection[str] = (), latest_ns: int | None = None
    ) -> Layer:
        """What `layer_archive` unpacks to, without what is `dropped` and with no time later than `latest_ns`.

        The container has ended and will not be started again: what it wrote is moved where that is possible,
        so all that can be done with the snapshot afterwards is to remove it.
        """
        layers = self._owner.layers
        upper = self.driver.upper(self.place)
        if upper is not None:
            try:
                return layers.adopt(upper, lease, dropped=dropped, latest_ns=latest_ns)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
        return layers.compose(no_later(self.items(dropped), latest_ns), lease)

    def export(self) -> Iterator[bytes]:
        """An archive of everything that a process in the container sees, without its volumes and mounts."""
        return pack_members(self._visible())

    def usage(self) -> int:
        """Bytes on disk of what the container wrote (`SizeRw`)."""
        return sum(allocated(path) for path in self.driver.writable(self.place))

    def size(self) -> int:
        """Bytes on disk of the writable layer and of the regular files of the image (`SizeRootFs`)."""
        return self.usage() + self._owner.image_size(self.id)

    def _visible(self) -> Iterator[tuple[str, Member]]:
        trees = self.driver.stack(self.place)
        elsewhere = {target.strip("/") for target, _ in trees[1:]}
        for target, directories in trees:
            base = target.strip("/")
            with Merged(directories) as merged:
                for member in merged.walk():
                    name = f"{base}/{member.path}" if base else member.path
                    if not base and member.path.partition("/")[0] in elsewhere and "/" in member.path:
                        continue  # part of an overlay of its own, which comes later
                    yield name, member

    def remove(self) -> None:
        """Remove the writable layer, and the layers below that nothing else needs. Repeatable."""
        self._owner._remove(self)


class Snapshots:
    """Thread-safe for different containers."""

    def __init__(
        self,
        root: str,
        database: Database,
        layers: Layers,
        drivers: dict[str, Driver],
        choose: Callable[[], str],
    ) -> None:
        """`drivers` by name serve the snapshots that exist; `choose` names the one for a new one."""
        self._root = root
        self._database = database
        self.layers = layers
        self._drivers = drivers
        self._choose = choose
        os.makedirs(root, mode=0o700, exist_ok=True)
        spread(root)

    def directory(self, container_id: str) -> str:
        """`containers/<id>`, made by `prepare`; the engine keeps its own files of the container there too."""
        return os.path.join(self._root, container_id)

    def prepare(self, container_id: str, image: Image) -> Snapshot:
        """A new writable view of `image`. Raises Conflict when the container has one, Unavailable when the
        disk is full; nothing is left behind then."""
        driver = self._drivers[self._choose()]
        with self._database.transaction():
            if self._database.one("SELECT 1 FROM snapshots WHERE id = ?", container_id):
                raise Conflict(f"container {container_id[:12]} has a snapshot already")
            self._database.execute(
                "INSERT INTO snapshots (id, image, driver, extras) VALUES (?, ?, ?, ?)",
                container_id,
                image.id,
                driver.name,
                json.dumps(image.extras),
            )
            try:
                self._database.many(
                    "INSERT INTO snapshot_layers (snapshot, position, diff_id) VALUES (?, ?, ?)",
                    [(container_id, number, diff_id) for number, diff_id in enumerate(image.layers)],
                )
            except sqlite3.IntegrityError:  # removed since the caller looked it up
                raise NotFound(f"No such image: {image.id}") from None
        snapshot = self.get(container_id)
        try:
            with disk_errors(f"container {container_id[:12]}"):
                os.makedirs(snapshot.place.directory, mode=0o700, exist_ok=True)
                driver.create(snapshot.place)
        except BaseException:
            self._remove(snapshot)
            raise
        return snapshot

    def driver_name(self, container_id: str) -> str:
        """`overlay` or `copy`; of a container that has no snapshot, what it would get."""
        row = self._database.one("SELECT driver FROM snapshots WHERE id = ?", container_id)
        return str(row["driver"]) if row else self._choose()

    def get(self, container_id: str) -> Snapshot:
        """Raises NotFound."""
        row = self._database.one("SELECT * FROM snapshots WHERE id = ?", container_id)
        if row is None:
            raise NotFound(f"container {container_id[:12]} has no snapshot")
        driver = self._drivers.get(row["driver"])
        if driver is None:
            raise Internal(
                f"container {container_id[:12]} needs the driver {row['driver']!r}, which is not here"
            )
        rows = self._database.all(
            "SELECT l.diff_id, l.root FROM snapshot_layers s JOIN layers l USING (diff_id)"
            " WHERE s.snapshot = ? ORDER BY s.position",
            container_id,
        )
        root = next((layer["root"] for layer in reversed(rows) if layer["root"]), None)
        place = Place(
            directory=self.directory(container_id),
            lowers=tuple(self.layers.path(layer["diff_id"]) for layer in rows),
            root=tuple(json.loads(root)) if root else (0o755, 0, 0),
            extras=tuple(Extra(*extra) for extra in json.loads(row["extras"])),
        )
        diff_ids = tuple(layer["diff_id"] for layer in rows)
        return Snapshot(self, container_id, row["image"], diff_ids, driver, place)

    def all(self) -> list[Snapshot]:
        """All of them."""
        return [self.get(row["id"]) for row in self._database.all("SELECT id FROM snapshots ORDER BY id")]

    def image_size(self, container_id: str) -> int:
        """Bytes in the regular files of the layers below a container."""
        row = self._database.one(
            "SELECT coalesce(sum(l.size), 0) AS size FROM snapshot_layers s JOIN layers l USING (diff_id)"
            " WHERE s.snapshot = ?",
            container_id,
        )
        return int(row["size"]) if row else 0

    def sweep(self, containers: Collection[str]) -> list[str]:
        """Remove the snapshots and directories of all but these containers; the ids removed. The engine calls
        it once at its start, with the containers it knows."""
        gone = []
        for snapshot in self.all():
            if snapshot.id not in containers:
                snapshot.remove()
                gone.append(snapshot.id)
        for name in os.listdir(self._root):
            if name not in containers:
                remove_tree(os.path.join(self._root, name))
                gone.append(name)
        return sorted(set(gone))

    def mend(self) -> list[str]:
        """Remove directories that have no row; their names."""
        known = {row["id"] for row in self._database.all("SELECT id FROM snapshots")}
        orphans = sorted(set(os.listdir(self._root)) - known)
        for name in orphans:
            remove_tree(os.path.join(self._root, name))
        return orphans

    def _remove(self, snapshot: Snapshot) -> None:
        snapshot.driver.remove(snapshot.place)
        try:
            os.rmdir(snapshot.place.directory)
        except OSError:
            pass  # the engine's files of the container are still there
        self._database.execute("DELETE FROM snapshots WHERE id = ?", snapshot.id)
        if not self._database.one("SELECT 1 FROM images WHERE id = ?", snapshot.image):
            self.layers.collect()
