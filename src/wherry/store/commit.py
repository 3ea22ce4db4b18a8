"""`commit`: what a container wrote becomes a layer over its image's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from wherry.errors import NotFound
from wherry.oci import History, ImageConfig, RootFS, RunConfig, encode_image_config, parse_reference
from wherry.store.images.instructions import apply_instructions
from wherry.store.images.model import Image
from wherry.store.images.moments import now
from wherry.store.machine import architecture
from wherry.store.snapshots import Snapshot

if TYPE_CHECKING:
    from wherry.store.store import Store

__all__ = ["commit"]

_EMPTY = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"  # an archive of nothing


def commit(
    store: Store,
    snapshot: Snapshot,
    config: RunConfig,
    reference: str = "",
    *,
    changes: Sequence[str] = (),
    author: str = "",
    message: str = "",
    created_by: str = "",
) -> Image:
    """See `Store.commit`."""
    names = [parse_reference(reference).tagged] if reference else []
    run = apply_instructions(config, changes)
    parent = snapshot.image
    with store.layers.lease() as lease:
        base = snapshot.layers
        for diff_id in base:
            lease.hold(diff_id)
        try:
            before = store.images.get(parent).config
        except NotFound:  # the image was removed by force while its container lived on
            parent = ""
            before = ImageConfig(architecture=architecture()[0], rootfs=RootFS(diff_ids=list(base)))
        layer = store.layers.compose(snapshot.items(), lease)
        is_empty = layer.diff_id == _EMPTY
        created = now()
        step = History(
            created=created,
            created_by=created_by or " ".join(run.cmd or ()),
            author=author,
            comment=message,
            empty_layer=is_empty,
        )
        after = msgspec.structs.replace(
            before,
            created=created,
            author=author,
            comment=message,
            config=run,
            rootfs=RootFS(diff_ids=[*base, *([] if is_empty else [layer.diff_id])]),
            history=[*before.history, step],
        )
        image = store.images.add(
            encode_image_config(after),
            lease=lease,
            tags=names,
            parent=parent,
            host=bool(snapshot.place.extras),
        )
    store.layers.collect()
    return image
