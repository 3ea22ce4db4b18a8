"""What each layer of an image carries, and which of its bytes nobody will ever see.

A file that a later layer deletes or replaces stays in the layer it came with: everyone who pulls the image
downloads it. Here the layers are laid over each other as overlayfs does it, and what ends up covered is
charged to its layer.
"""

from __future__ import annotations

import heapq
import stat
from contextlib import ExitStack
from os import stat_result
from typing import TYPE_CHECKING, NamedTuple

from wherry.store.images.model import Image
from wherry.store.layers.overlayform import is_whiteout
from wherry.store.root import Root

if TYPE_CHECKING:
    from wherry.store.store import Store

__all__ = ["Explanation", "HiddenFile", "LayerShare", "explain"]

_LARGEST = 20


class HiddenFile(NamedTuple):
    """A file of layer number `layer` (from 0) that layer `by` deletes, or replaces by something else."""

    path: str
    size: int
    layer: int
    by: int
    deleted: bool


class LayerShare(NamedTuple):
    """One layer: what made it, bytes and number of its files, and how many of the bytes are hidden."""

    diff_id: str
    created_by: str
    size: int
    files: int
    hidden: int


class Explanation(NamedTuple):
    """An image, taken apart; sizes are bytes in regular files, before compression."""

    image: Image
    layers: list[LayerShare]
    largest: list[HiddenFile]

    @property
    def hidden(self) -> int:
        """All bytes that nobody sees: what squashing would save."""
        return sum(layer.hidden for layer in self.layers)


def explain(store: Store, name: str) -> Explanation:
    """Take an image apart. Blocks for some 10 µs a file. Raises NotFound."""
    image = store.images.resolve(name)
    with store.layers.lease() as lease:
        for diff_id in image.layers:
            lease.hold(diff_id)
        covered = _Covered(len(image.layers))
        with ExitStack() as stack:
            trees = [
                (number, stack.enter_context(Root(store.layers.path(diff_id))))
                for number, diff_id in enumerate(image.layers)
            ]
            _lay(covered, trees[::-1], "")
        covered.settle()
        steps = [step.created_by for step in image.config.history if not step.empty_layer]
        shares = []
        for number, diff_id in enumerate(image.layers):
            layer = store.layers.get(diff_id)
            made = steps[number] if number < len(steps) else ""
            shares.append(LayerShare(diff_id, made, layer.size, layer.files, covered.hidden[number]))
    largest = sorted(covered.largest, key=lambda one: (-one.size, one.path))
    return Explanation(image, shares, largest)


class _Covered:
    def __init__(self, layers: int) -> None:
        self.hidden = [0] * layers
        self.largest: list[HiddenFile] = []
        self._heap: list[tuple[int, int, HiddenFile]] = []
        self._links: dict[tuple[int, int], tuple[int, int, HiddenFile]] = {}
        self._count = 0

    def note(self, file: HiddenFile, status: stat_result) -> None:
        """A regular file can't be seen. One with several names can, until all of them are covered."""
        if status.st_nlink > 1:
            key = file.layer, status.st_ino
            seen = self._links.get(key, (0, 0, file))[0]
            self._links[key] = seen + 1, status.st_nlink, file
        else:
            self._charge(file)

    def settle(self) -> None:
        """Charge the files with several names, and sort out the largest."""
        for seen, names, file in self._links.values():
            if seen >= names:
                self._charge(file)
        self.largest = [file for _, _, file in self._heap]

    def _charge(self, file: HiddenFile) -> None:
        self.hidden[file.layer] += file.size
        self._count += 1
        item = (file.size, self._count, file)
        if len(self._heap) < _LARGEST:
            heapq.heappush(self._heap, item)
        elif item > self._heap[0]:
            heapq.heapreplace(self._heap, item)


def _lay(covered: _Covered, trees: list[tuple[int, Root]], prefix: str) -> None:
    """Look at one directory of all the `trees` that take part in it, topmost first."""
    closed: dict[str, tuple[int, bool]] = {}  # name → (by which layer, whether that leaves nothing there)
    inner: dict[str, list[tuple[int, Root]]] = {}
    opaque = -1
    for number, root in trees:
        members, hides = root.members(prefix.rstrip("/"))
        for name, status in members.items():
            by, deleted = closed.get(name, (opaque, True))
            if by >= 0:
                _cover(
                    covered, root, prefix + name, status, number, by, deleted=deleted and name not in inner
                )
            elif stat.S_ISDIR(status.st_mode):
                inner.setdefault(name, []).append((number, root))
            elif name in inner:  # a directory stands above this file
                above = inner[name][-1][0]
                if not is_whiteout(status):
                    _cover(covered, root, prefix + name, status, number, above, deleted=False)
                closed[name] = (number if is_whiteout(status) else above), is_whiteout(status)
            else:
                closed[name] = number, is_whiteout(status)
        if hides and opaque < 0:
            opaque = number
    for name in sorted(inner):
        _lay(covered, inner[name], f"{prefix}{name}/")


def _cover(
    covered: _Covered, root: Root, path: str, status: stat_result, layer: int, by: int, *, deleted: bool
) -> None:
    """Everything at `path` of a layer is out of sight."""
    if stat.S_ISREG(status.st_mode):
        covered.note(HiddenFile(f"/{path}", status.st_size, layer, by, deleted), status)
    elif stat.S_ISDIR(status.st_mode):
        for name, below in root.members(path)[0].items():
            _cover(covered, root, f"{path}/{name}", below, layer, by, deleted=deleted)
