"""`import`: a root filesystem archive becomes an image of one layer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from wherry.oci import History, ImageConfig, RootFS, RunConfig, encode_image_config, parse_reference
from wherry.store.images.instructions import apply_instructions
from wherry.store.images.model import Image
from wherry.store.images.moments import now
from wherry.store.machine import architecture

if TYPE_CHECKING:
    from wherry.store.store import Store

__all__ = ["import_image"]


def import_image(
    store: Store,
    chunks: Iterable[bytes | memoryview],
    reference: str = "",
    *,
    changes: Sequence[str] = (),
    message: str = "",
    platform: str = "",
    source: str = "-",
) -> Image:
    """See `Store.import_image`."""
    # Everything that can be refused is refused before the archive is read.
    name = [parse_reference(reference).tagged] if reference else []
    run = apply_instructions(RunConfig(), changes)
    kind, variant = architecture()
    if platform:
        _, _, rest = platform.partition("/")
        kind, _, variant = rest.partition("/")
    with store.layers.lease() as lease:
        layer = store.layers.unpack(chunks, lease)
        created = now()
        config = ImageConfig(
            architecture=kind,
            variant=variant if platform else "",
            os="linux",
            created=created,
            config=run,
            rootfs=RootFS(diff_ids=[layer.diff_id]),
            history=[History(created=created, comment=message or f"Imported from {source}")],
        )
        return store.images.add(encode_image_config(config), lease=lease, tags=name)
