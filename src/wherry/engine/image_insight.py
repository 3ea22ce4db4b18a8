"""What images are made of: where their bytes went, what differs between two, and one made smaller."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from wherry.oci import parse_reference

if TYPE_CHECKING:
    from wherry.store import Store


class Insight:
    """The part of `Images` that looks into layers."""

    _store: Store

    async def explain(self, name: str) -> dict[str, Any]:
        """Layer by layer: what made it, its bytes, and those that later layers hide."""
        from wherry.store.images.explain import explain

        found = await asyncio.to_thread(explain, self._store, name)
        return {
            "Id": found.image.id,
            "Names": [parse_reference(tag).familiar for tag in found.image.tags],
            "Size": sum(layer.size for layer in found.layers),
            "Hidden": found.hidden,
            "Layers": [
                {
                    "DiffId": layer.diff_id,
                    "CreatedBy": layer.created_by,
                    "Size": layer.size,
                    "Files": layer.files,
                    "Hidden": layer.hidden,
                }
                for layer in found.layers
            ],
            "Largest": [
                {
                    "Path": file.path,
                    "Size": file.size,
                    "Layer": file.layer,
                    "By": file.by,
                    "How": "deleted" if file.deleted else "replaced",
                }
                for file in found.largest
            ],
        }

    async def compare(self, first: str, second: str) -> dict[str, Any]:
        """What differs from one image to another, in files and configuration."""
        from wherry.store.images.difference import compare

        found = await asyncio.to_thread(compare, self._store, first, second)
        return {
            "From": found.first.id,
            "To": found.second.id,
            "Files": [
                {
                    "Kind": change.kind,
                    "Path": change.path,
                    "What": list(change.what),
                    "Before": change.before,
                    "After": change.after,
                }
                for change in found.files
            ],
            "Config": [
                {"Field": name, "Before": before, "After": after} for name, before, after in found.config
            ],
        }

    async def squash(self, name: str, repo: str = "", tag: str = "", *, above: str = "") -> str:
        """Make an image of the same files in one layer (over those of `above`); its id."""
        from wherry.store.images.squash import squash

        target = f"{repo}:{tag}" if repo and tag else repo
        image = await asyncio.to_thread(squash, self._store, name, target, above=above)
        return image.id
