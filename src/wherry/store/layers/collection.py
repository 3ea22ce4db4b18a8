"""The layers that are unpacked here, shared by every image and container that has them.

The life of a layer: `unpack` fills `layers/.draft-…`, writes `complete` into it, renames it to the hex of its
diff id, adds its row. It is immutable then. It goes when nothing in the database names it and no lease holds
it: first its row and its name, its files later (`departing`). A crash leaves a draft, or a directory without
a row: both are rubbish, removed by `mend`.

Power cuts: syncing thousands of files before an `import` returns would double its time, so `complete` first
says in which boot the layer was written, and a thread has the filesystem synced and then says so too. After
a power cut a layer that was not synced is not trusted.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, closing, suppress
from types import TracebackType
from typing import NamedTuple

from wherry.errors import Internal, Invalid, NotFound
from wherry.oci.digest import hex_of
from wherry.store.compression import decompress
from wherry.store.database import Database, Row
from wherry.store.diskerrors import disk_errors
from wherry.store.layers.adopt import adopt_tree
from wherry.store.layers.departing import MARK, Departing
from wherry.store.layers.ownership import Owners
from wherry.store.layers.recipe import replay
from wherry.store.layers.sink import Sink
from wherry.store.layers.sync import Syncer, is_synced, is_trusted, mark
from wherry.store.layers.unpack import DEFAULT_LIMITS, Limits, compose_layer, unpack_layer
from wherry.store.pipeline import Hashing, read_ahead
from wherry.store.placement import spread
from wherry.store.removal import remove_tree
from wherry.store.tar import Item
from wherry.store.usage import allocated

__all__ = ["Layer", "Layers", "Lease"]

_DRAFT = ".draft-"


class Layer(NamedTuple):
    """`size` counts the bytes in its regular files, `archive` those of its tar archive; `root` is JSON
    [mode, uid, gid] if it says what `/` is like."""

    diff_id: str
    size: int
    files: int
    archive: int
    root: str | None


class Layers:
    """Thread-safe; several threads may unpack at once, the same layer too (the first to finish wins).

    What holds layers is guarded by the database's lock: with a second one, whoever adds an image within a
    transaction and whoever adopts a layer would wait for each other.
    """

    def __init__(self, root: str, database: Database) -> None:
        self._root = root
        self._database = database
        self.owners = Owners()
        self._leased: dict[str, int] = {}
        os.makedirs(root, mode=0o700, exist_ok=True)
        spread(root)
        self._syncer = Syncer(root)
        self._departing = Departing(root)

    def path(self, diff_id: str) -> str:
        """The directory to hand to overlayfs."""
        return os.path.join(self._root, hex_of(diff_id), "fs")

    def get(self, diff_id: str) -> Layer:
        """Raises NotFound."""
        row = self._database.one("SELECT * FROM layers WHERE diff_id = ?", diff_id)
        if row is None:
            raise NotFound(f"layer {diff_id} is not in the store")
        return _layer(row)

    def has(self, diff_id: str) -> bool:
        """Whether the layer is unpacked here."""
        return self._database.one("SELECT 1 FROM layers WHERE diff_id = ?", diff_id) is not None

    def all(self) -> list[Layer]:
        """All of them."""
        return [_layer(row) for row in self._database.all("SELECT * FROM layers ORDER BY diff_id")]

    def unpack(
        self,
        chunks: Iterable[bytes | memoryview],
        lease: Lease,
        *,
        expected: str = "",
        limits: Limits = DEFAULT_LIMITS,
        decompressed: bool = False,
    ) -> Layer:
        """Unpack a tar stream (compressed or not) into a layer, which `lease` then holds.

        Blocks until the stream ends; unpacks while it arrives. Atomic. With `expected`, the diff id must be
        that. Raises Invalid for a hostile, damaged or different archive, Unavailable when the disk is full;
        nothing is left behind then.
        """

        def fill(draft: str) -> Layer:
            with Hashing() as hashing, ExitStack() as stack:
                pieces = chunks
                if not decompressed:
                    pieces = stack.enter_context(closing(read_ahead(decompress(chunks))))
                unpacked = unpack_layer(hashing.through(pieces), draft, self.owners, limits)
                diff_id = hashing.digest()
            if expected and diff_id != expected:
                raise Invalid(f"layer has the digest {diff_id}, not {expected}")
            return Layer(diff_id, *unpacked)

        return self._make(fill, lease)

    def compose(self, items: Iterable[Item], lease: Lease) -> Layer:
        """Make the layer that unpacking the archive of `items` would make, without writing one and reading
        it. Like `unpack` otherwise."""

        def fill(draft: str) -> Layer:
            with closing(Sink(os.path.join(draft, "recipe"))) as sink:
                unpacked = compose_layer(items, draft, sink, self.owners)
                return Layer(sink.finish(), *unpacked)

        return self._make(fill, lease)

    def adopt(
        self,
        directory: str,
        lease: Lease,
        *,
        dropped: Collection[str] = (),
        latest_ns: int | None = None,
    ) -> Layer:
        """Make a layer of `directory`, which is in overlay form, by moving it here; see `adopt_tree`. It is
        gone afterwards, also on an error. Raises OSError (EXDEV, nothing has happened then) when it is on
        another filesystem."""

        def fill(draft: str) -> Layer:
            tree = os.path.join(draft, "fs")
            os.rename(directory, tree)  # first: nobody finds it by its name any more
            with closing(Sink(os.path.join(draft, "recipe"))) as sink:
                unpacked = adopt_tree(tree, sink, dropped=dropped, latest_ns=latest_ns)
                return Layer(sink.finish(), *unpacked)

        return self._make(fill, lease)

    def archive(self, diff_id: str) -> Iterator[bytes]:
        """The layer's tar archive, byte for byte as it was unpacked.

        The digest is checked as it streams: Internal is raised at its end (too late to take bytes back, in
        time to fail the operation) when the layer was damaged on disk.
        """
        self.get(diff_id)
        state = hashlib.sha256()
        for chunk in replay(os.path.join(self._root, hex_of(diff_id))):
            state.update(chunk)
            yield chunk
        if state.hexdigest() != hex_of(diff_id):
            raise Internal(
                f"layer {diff_id[:19]} is damaged on disk", hint="remove the image, load or pull it again"
            )

    def lease(self) -> Lease:
        """Holds layers that no image or container names yet. Use as a context manager."""
        return Lease(self)

    def keep(self, keeper: str, diff_id: str) -> None:
        """Keep a layer for `keeper`, beyond every lease, until `unkeep`."""
        self._database.execute("INSERT OR IGNORE INTO kept_layers VALUES (?, ?)", keeper, diff_id)

    def unkeep(self, keeper: str) -> None:
        """Give up what is kept for `keeper`; `collect` removes it then."""
        self._database.execute("DELETE FROM kept_layers WHERE keeper = ?", keeper)

    def collect(self) -> list[str]:
        """Remove the layers that nothing names and no lease holds; their diff ids. Their files go behind the
        scenes: see `settle`."""
        with self._database.transaction():
            rows = self._database.all(
                "SELECT diff_id FROM layers"
                " WHERE NOT EXISTS (SELECT 1 FROM image_layers i WHERE i.diff_id = layers.diff_id)"
                " AND NOT EXISTS (SELECT 1 FROM snapshot_layers s WHERE s.diff_id = layers.diff_id)"
                " AND NOT EXISTS (SELECT 1 FROM kept_layers k WHERE k.diff_id = layers.diff_id)"
            )
            gone = [row["diff_id"] for row in rows if row["diff_id"] not in self._leased]
            for diff_id in gone:
                self._database.execute("DELETE FROM layers WHERE diff_id = ?", diff_id)
            leaving = []
            for diff_id in gone:
                with suppress(FileNotFoundError):
                    leaving.append(self._departing.rename(hex_of(diff_id)))
        self._departing.remove(leaving)
        return gone

    def settle(self) -> None:
        """Wait until the files of removed layers are gone."""
        self._departing.settle()

    def disk_usage(self) -> int:
        """Bytes that all layers take on disk, as du counts them, with what is left of removed ones. Measures
        what was not measured yet."""
        return sum(self.disk_usages().values()) + self._departing.usage()

    def disk_usages(self) -> dict[str, int]:
        """Those of each layer that is here, by diff id."""
        found = {}
        for row in self._database.all("SELECT diff_id, disk FROM layers"):
            directory = os.path.join(self._root, hex_of(row["diff_id"]))
            disk = row["disk"]
            if disk is None:
                disk = allocated(directory)
                if is_synced(directory):  # before that the filesystem may not have decided yet
                    self._database.execute(
                        "UPDATE layers SET disk = ? WHERE diff_id = ?", disk, row["diff_id"]
                    )
            found[row["diff_id"]] = disk
        return found

    def mend(self) -> tuple[list[str], list[str]]:
        """After a crash: remove drafts, what was being removed, and directories without a row, behind the
        scenes; (their names, diff ids whose files are missing or not to be trusted). Called before anything
        else uses the layers."""
        known = {hex_of(layer.diff_id) for layer in self.all()}
        removed, leaving, broken = [], [], []
        present = set(os.listdir(self._root))
        for name in sorted(present - known):
            leaving.append(name if name.startswith(MARK) else self._departing.rename(name))
            removed.append(name)
        self._departing.remove(leaving)
        for name in sorted(known):
            if name not in present or not is_trusted(os.path.join(self._root, name)):
                broken.append("sha256:" + name)
        return removed, broken

    def close(self) -> None:
        """Wait for the syncing thread, and stop removing."""
        self._departing.close()
        self._syncer.close()

    def _make(self, fill: Callable[[str], Layer], lease: Lease) -> Layer:
        """Have a new directory filled, and give it its name."""
        self._departing.make_room()
        draft = os.path.join(self._root, _DRAFT + os.urandom(8).hex())
        try:
            with disk_errors("a layer"):
                os.mkdir(draft, 0o700)
                layer = fill(draft)
                mark(draft)
                self._adopt(draft, layer, lease)
        finally:
            remove_tree(draft)
        self._syncer.request(os.path.join(self._root, hex_of(layer.diff_id)))
        return layer

    def _adopt(self, draft: str, layer: Layer, lease: Lease) -> None:
        with self._database.exclusive():
            lease.hold(layer.diff_id)
            if self.has(layer.diff_id):
                return
            os.rename(draft, os.path.join(self._root, hex_of(layer.diff_id)))
            self._database.execute(
                "INSERT INTO layers (diff_id, size, files, archive, root) VALUES (?, ?, ?, ?, ?)", *layer
            )

    def _hold(self, diff_id: str) -> None:
        with self._database.exclusive():
            self._leased[diff_id] = self._leased.get(diff_id, 0) + 1

    def _release(self, diff_ids: list[str]) -> None:
        with self._database.exclusive():
            for diff_id in diff_ids:
                self._leased[diff_id] -= 1
                if not self._leased[diff_id]:
                    del self._leased[diff_id]


class Lease:
    """Keeps layers from being collected until it is closed; then those that nothing names go."""

    def __init__(self, layers: Layers) -> None:
        self._layers = layers
        self._held: list[str] = []

    def hold(self, diff_id: str) -> None:
        """Keep this layer."""
        self._layers._hold(diff_id)
        self._held.append(diff_id)

    def take(self, diff_id: str) -> bool:
        """Keep this layer if it is there; whether it is. No collection can come between the two."""
        with self._layers._database.exclusive():
            if not self._layers.has(diff_id):
                return False
            self.hold(diff_id)
            return True

    def __enter__(self) -> Lease:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._layers._release(self._held)
        self._held = []
        if error is not None:
            self._layers.collect()


def _layer(row: Row) -> Layer:
    return Layer(row["diff_id"], row["size"], row["files"], row["archive"], row["root"])
