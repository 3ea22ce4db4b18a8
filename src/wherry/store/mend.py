"""Finding and mending what a crash or a power cut left half done. Runs when the store is opened, before
anything uses it; each step may be repeated."""

from __future__ import annotations

from typing import NamedTuple

from wherry.store.blobs import Blobs
from wherry.store.database import Database
from wherry.store.layers import Layers
from wherry.store.snapshots import Snapshots

__all__ = ["Mended", "mend"]


class Mended(NamedTuple):
    """What was found: rubbish that was removed, and images that had lost a part and were removed too."""

    rubbish: list[str]
    lost_images: list[str]

    def __bool__(self) -> bool:
        return bool(self.rubbish or self.lost_images)


def mend(database: Database, blobs: Blobs, layers: Layers, snapshots: Snapshots) -> Mended:
    """Bring files and rows into agreement again."""
    rubbish = [f"blobs/partial/{name}" for name in blobs.mend()]
    removed, broken = layers.mend()
    rubbish += [f"layers/{name}" for name in removed]
    rubbish += [f"containers/{name}" for name in snapshots.mend()]
    lost: set[str] = set()
    with database.transaction():
        for diff_id in broken:
            rows = database.all("SELECT image FROM image_layers WHERE diff_id = ?", diff_id)
            lost |= {row["image"] for row in rows}
            database.execute("DELETE FROM kept_layers WHERE diff_id = ?", diff_id)
        present = set(blobs.digests())
        lost |= {row["id"] for row in database.all("SELECT id FROM images") if row["id"] not in present}
        for image in lost:
            database.execute("DELETE FROM images WHERE id = ?", image)
    layers.collect()
    named = {row["id"] for row in database.all("SELECT id FROM images")}
    named |= {row["digest"] for row in database.all("SELECT digest FROM image_blobs")}
    for digest in present - named:
        blobs.remove(digest)
        rubbish.append(f"blobs/{digest}")
    return Mended(rubbish, sorted(lost))
