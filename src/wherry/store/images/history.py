"""`docker history`: steps of the configuration, joined with the layers they made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.oci import parse_reference
from wherry.store.images.model import HistoryItem, Image
from wherry.store.images.moments import to_seconds

if TYPE_CHECKING:
    from wherry.store.images.collection import Images

__all__ = ["history_of"]


def history_of(images: Images, image: Image) -> list[HistoryItem]:
    """Newest first. Ids of steps are known only where the parent images are here too, as in Docker."""
    sizes = [images.layers.get(diff_id).size for diff_id in image.layers]
    items: list[HistoryItem] = []
    position = 0
    for step in image.config.history:
        size = 0
        if not step.empty_layer and position < len(sizes):
            size = sizes[position]
            position += 1
        items.append(
            HistoryItem("<missing>", to_seconds(step.created), step.created_by, (), size, step.comment)
        )
    items.reverse()
    ancestor: Image | None = image
    for number, item in enumerate(items):
        if ancestor is None:
            break
        tags = tuple(parse_reference(name).familiar for name in ancestor.tags)
        items[number] = item._replace(id=ancestor.id, tags=tags)
        ancestor = images.get(ancestor.parent) if ancestor.parent else None
    return items
