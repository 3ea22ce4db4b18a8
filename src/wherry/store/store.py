"""The store: what all the parts of `state/` that hold images and containers' files are reached through.

state/wherry.db  blobs/  layers/  containers/  empty/  store.lock
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from wherry.errors import Unavailable
from wherry.oci import RunConfig
from wherry.store.blobs import Blobs
from wherry.store.builtin import Builtins
from wherry.store.builtin.host import host_directories
from wherry.store.database import Database
from wherry.store.images.collection import Images
from wherry.store.images.model import Image
from wherry.store.layers import Layers
from wherry.store.mend import Mended, mend
from wherry.store.schema import MIGRATIONS
from wherry.store.snapshots import Driver, Snapshot, Snapshots
from wherry.store.snapshots.choice import Choice, Chooser
from wherry.store.snapshots.copy import CopyDriver
from wherry.store.snapshots.overlay import OverlayDriver

if TYPE_CHECKING:
    from wherry.store.archive import LoadedImage

__all__ = ["Store"]


class Store:
    """One for a state directory, in one process at a time. Thread-safe; everything blocks.

    Opening mends what a crash has left; `mended` says what that was.
    """

    def __init__(self, state_dir: str, *, driver: str = "") -> None:
        """`driver` is `overlay` or `copy`; empty: what fits. Raises Unavailable when another process has the
        store open."""
        os.makedirs(state_dir, mode=0o700, exist_ok=True)
        self._lock = _lock(os.path.join(state_dir, "store.lock"))
        self.state_dir = state_dir
        self.database = Database(os.path.join(state_dir, "wherry.db"))
        self.database.migrate("store", MIGRATIONS)
        self.blobs = Blobs(os.path.join(state_dir, "blobs"))
        self.layers = Layers(os.path.join(state_dir, "layers"), self.database)
        self.images = Images(self.database, self.blobs, self.layers)
        self.images.host_directories = host_directories
        empty = os.path.join(state_dir, "empty")
        os.makedirs(empty, mode=0o755, exist_ok=True)
        self._chooser = Chooser(state_dir, driver or os.environ.get("WHERRY_STORAGE_DRIVER", ""))
        drivers: list[Driver] = [OverlayDriver(empty), CopyDriver()]
        self.snapshots = Snapshots(
            os.path.join(state_dir, "containers"),
            self.database,
            self.layers,
            {one.name: one for one in drivers},
            lambda: self._chooser.result().driver,
        )
        self.mended: Mended = mend(self.database, self.blobs, self.layers, self.snapshots)
        self.builtins = Builtins(self.database, self.layers, self.images)
        self.images.provide = self.builtins.provide

    @property
    def driver(self) -> Choice:
        """The snapshot driver for new containers, and why if it isn't overlay."""
        return self._chooser.result()

    def import_image(
        self,
        chunks: Iterable[bytes | memoryview],
        reference: str = "",
        *,
        changes: Sequence[str] = (),
        message: str = "",
        platform: str = "",
        source: str = "-",
    ) -> Image:
        """`docker import`: an image of one layer from a root filesystem archive (tar, gz, bz2, xz, zstd),
        unpacked while it arrives. Raises Invalid for a bad name, instruction or archive, Unavailable when the
        disk is full."""
        from wherry.store.importer import import_image

        return import_image(
            self, chunks, reference, changes=changes, message=message, platform=platform, source=source
        )

    def commit(
        self,
        snapshot: Snapshot,
        config: RunConfig,
        reference: str = "",
        *,
        changes: Sequence[str] = (),
        author: str = "",
        message: str = "",
        created_by: str = "",
    ) -> Image:
        """`docker commit`: an image of what the container's image has and what the container wrote, with
        `config` as its configuration after the instructions `changes`. The engine pauses the container."""
        from wherry.store.commit import commit

        return commit(
            self,
            snapshot,
            config,
            reference,
            changes=changes,
            author=author,
            message=message,
            created_by=created_by,
        )

    def load(self, chunks: Iterable[bytes | memoryview]) -> Iterator[LoadedImage]:
        """`docker load`: the images of an archive (Docker's old and new layout, OCI layout; plain or
        compressed), unpacked while it arrives. Raises Invalid, Unavailable when the disk is full."""
        from wherry.store.archive import load  # here, as below: a first `run` needs none of these modules

        return load(chunks, self.images, self.layers)

    def save(self, names: Iterable[str]) -> Iterator[bytes]:
        """`docker save`: an archive of images by name or id. Errors about names come before the first byte.
        Raises NotFound, Unsupported for the `host` image."""
        from wherry.store.archive import save

        return save(names, self.images, self.layers)

    def close(self) -> None:
        """Finish what is under way and release the lock."""
        self._chooser.result()
        self.layers.close()
        self.database.close()
        os.close(self._lock)


def _lock(path: str) -> int:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise Unavailable(
            "another process has this state directory open", hint="an engine is running; use it instead"
        ) from None
    return fd
