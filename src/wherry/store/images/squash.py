"""An image with the same files in fewer layers: what is hidden or deleted below is not carried along."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

import msgspec

from wherry.errors import Invalid, Unsupported
from wherry.oci import History, RootFS, encode_image_config, parse_reference
from wherry.store.images.model import Image
from wherry.store.images.moments import now
from wherry.store.snapshots.merged import Merged
from wherry.store.snapshots.pack import items_of_delta
from wherry.store.snapshots.squashed import squashed
from wherry.store.tar import Item, Kind, TarEntry

if TYPE_CHECKING:
    from wherry.store.store import Store

__all__ = ["squash"]


def squash(store: Store, name: str, target: str = "", *, above: str = "") -> Image:
    """Make an image of `name`'s files in one layer over those of the image `above` (empty: over nothing),
    and give it the name `target` if there is one. The configuration stays; the history says what happened.

    Blocks for about as long as unpacking takes. Raises NotFound, Invalid when `above` is not what the image
    was made from, Unsupported for the `host` image.
    """
    image = store.images.resolve(name)
    names = [parse_reference(target).tagged] if target else []
    if image.extras:
        raise Unsupported(f"{name} is this machine's own userland and can't be squashed")
    base = store.images.resolve(above).layers if above else ()
    if image.layers[: len(base)] != base:
        raise Invalid(
            f"{name} was not made from {above}", hint=f"`wherry history {name}` shows what it was made from"
        )
    with store.layers.lease() as lease:
        for diff_id in image.layers:
            lease.hold(diff_id)
        upper = [store.layers.path(diff_id) for diff_id in reversed(image.layers[len(base) :])]
        lower = [store.layers.path(diff_id) for diff_id in reversed(base)]
        layers = list(base)
        steps = _steps_of(image, len(base))
        if upper:
            with Merged(upper) as merged, Merged(lower) as below:
                items = chain(_root_of(store, image, len(base)), items_of_delta(squashed(merged, below)))
                layer = store.layers.compose(items, lease)
            layers.append(layer.diff_id)
            comment = f"squashed {len(upper)} layers"
            steps.append(History(created=now(), created_by="wherry image squash", comment=comment))
        config = msgspec.structs.replace(image.config, rootfs=RootFS(diff_ids=layers), history=steps)
        return store.images.add(encode_image_config(config), lease=lease, tags=names)


def _root_of(store: Store, image: Image, kept: int) -> Iterator[Item]:
    """The archive's entry for `/`, when a squashed layer had one."""
    for diff_id in reversed(image.layers[kept:]):
        root = store.layers.get(diff_id).root
        if root is not None:
            mode, uid, gid = json.loads(root)
            yield TarEntry(b"./", Kind.DIRECTORY, mode=mode, uid=uid, gid=gid), ()
            return


def _steps_of(image: Image, kept: int) -> list[History]:
    """The history of the layers that stay, then what the others did, marked as making no layer."""
    steps: list[History] = []
    seen = 0
    for step in image.config.history:
        if step.empty_layer:
            steps.append(step)
            continue
        seen += 1
        steps.append(step if seen <= kept else msgspec.structs.replace(step, empty_layer=True))
    return steps
