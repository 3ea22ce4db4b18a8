"""The images of this store: finding, naming, adding."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from wherry.errors import Invalid, NotFound
from wherry.oci import ImageConfig, Reference, looks_like_id, parse_image_config, parse_reference
from wherry.store.blobs import Blobs
from wherry.store.database import Database, Row
from wherry.store.images.history import history_of
from wherry.store.images.model import HistoryItem, Image, ImageUser, Removal
from wherry.store.images.remove import remove_image
from wherry.store.layers import Layers, Lease

__all__ = ["Images"]

ImageList = list[Image]
Removals = list[Removal]
HistoryItems = list[HistoryItem]


class Images:
    """Thread-safe. `users` tells which containers were made from an image id; the engine sets it."""

    def __init__(self, database: Database, blobs: Blobs, layers: Layers) -> None:
        self.database = database
        self.blobs = blobs
        self.layers = layers
        self.users: Callable[[str], Sequence[ImageUser]] = lambda _: ()
        self.provide: Callable[[str], None] = lambda _: None  # makes a built-in image if the name is one's
        self.host_directories: Callable[[], Sequence[tuple[str, str]]] = lambda: ()
        self._configs: dict[str, ImageConfig] = {}
        self._lock = threading.Lock()

    def resolve(self, name: str) -> Image:
        """The image of a name, an id, the beginning of an id, or `name@digest`.

        Raises NotFound with Docker's wording, Invalid when malformed or when several ids begin so.
        """
        found = self.find(name)
        if found is None:
            shown = name
            if not looks_like_id(name):
                shown = parse_reference(name).tagged.familiar
            raise NotFound(f"No such image: {shown}", hint="`wherry images` lists those that are here")
        return found

    def find(self, name: str) -> Image | None:
        """Like `resolve`, but None when there is no such image."""
        reference: Reference | None = None
        try:
            reference = parse_reference(name).tagged
        except Invalid:
            if not looks_like_id(name):
                raise
        if reference is not None:
            self.provide(str(reference))
            with self.database.exclusive():
                row = self.database.one("SELECT image FROM tags WHERE name = ?", str(self._key(reference)))
                if row is not None:
                    return self.get(row["image"])
        if looks_like_id(name):
            return self._by_prefix(name)
        return None

    def get(self, image_id: str) -> Image:
        """By its whole id. Raises NotFound."""
        with self.database.exclusive():
            row = self.database.one("SELECT * FROM images WHERE id = ?", image_id)
            if row is None:
                raise NotFound(f"No such image: {image_id}")
            return self._image(row)

    def list(self) -> ImageList:
        """All images, newest first."""
        self.provide("")
        with self.database.exclusive():
            rows = self.database.all("SELECT * FROM images ORDER BY created DESC, id")
            return [self._image(row) for row in rows]

    def children(self, image_id: str) -> ImageList:
        """The images whose parent this is."""
        with self.database.exclusive():
            rows = self.database.all("SELECT * FROM images WHERE parent = ?", image_id)
            return [self._image(row) for row in rows]

    def config(self, image_id: str) -> ImageConfig:
        """The parsed configuration. Raises NotFound."""
        with self._lock:
            known = self._configs.get(image_id)
        if known is None:
            known = parse_image_config(self.blobs.read(image_id))
            with self._lock:
                if len(self._configs) > 256:
                    self._configs.clear()
                self._configs[image_id] = known
        return known

    def add(
        self,
        config: bytes,
        *,
        lease: Lease,
        tags: Sequence[Reference] = (),
        parent: str = "",
        host: bool = False,
    ) -> Image:
        """Add an image whose layers are unpacked (and held by `lease`), with names. Atomic, repeatable.

        `host` lays it over the machine's own /usr: only for what was made here of an image that is so.
        Raises Invalid for a malformed configuration or a missing layer.
        """
        parsed = parse_image_config(config)
        for diff_id in parsed.rootfs.diff_ids:
            if not lease.take(diff_id):
                raise Invalid(f"image refers to the layer {diff_id}, which is not there")
        with self.database.exclusive(), self.database.transaction():
            image_id = self.blobs.put(config)
            self.database.execute(
                "INSERT INTO images (id, parent, created, added, host) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET host = max(host, excluded.host)",
                image_id,
                parent or None,
                parsed.created,
                time.time_ns(),
                int(host),
            )
            self.database.many(
                "INSERT INTO image_layers VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                [(image_id, number, diff_id) for number, diff_id in enumerate(parsed.rootfs.diff_ids)],
            )
            for reference in tags:
                self.name(image_id, reference)
            return self.get(image_id)

    def forget(self, image_id: str) -> None:
        """Take away the row of an image, and the blobs that no other image has. Its layers are collected
        later; who asks has made sure that nothing needs the image."""
        with self.database.exclusive():
            rows = self.database.all("SELECT digest FROM image_blobs WHERE image = ?", image_id)
            self.database.execute("DELETE FROM images WHERE id = ?", image_id)
            for digest in [image_id, *(row["digest"] for row in rows)]:
                if not self.database.one("SELECT 1 FROM image_blobs WHERE digest = ?", digest):
                    self.blobs.remove(digest)

    def keep_blobs(self, image_id: str, blobs: Sequence[tuple[str, str]]) -> None:
        """Keep these blobs, (digest, media type) each, for as long as the image is here: the manifest it came
        with, the compressed layers. Without, the next opening of the store removes them."""
        self.database.many(
            "INSERT INTO image_blobs (image, digest, media_type) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            [(image_id, digest, media_type) for digest, media_type in blobs],
        )

    def tag(self, source: str, target: str) -> Image:
        """Give the image that `source` means the name `target`; whatever had it loses it."""
        reference = parse_reference(target).tagged
        if reference.digest:
            raise Invalid("refusing to create a tag with a digest reference")
        image = self.resolve(source)
        self.name(image.id, reference)
        return self.get(image.id)

    def name(self, image_id: str, reference: Reference) -> None:
        """Let a canonical name mean this image."""
        self.database.execute(
            "INSERT INTO tags VALUES (?, ?, ?)"
            " ON CONFLICT (name) DO UPDATE SET image = excluded.image, tagged = excluded.tagged",
            str(self._key(reference)),
            image_id,
            time.time_ns(),
        )

    def remove(self, name: str, *, force: bool = False, prune: bool = True) -> Removals:
        """What `docker rmi` does: take the name away, and with the last one the image, its layers, and (with
        `prune`) parents that nothing else needs. Raises Conflict in Docker's words."""
        with self.database.exclusive():  # another may take the image's other name away meanwhile
            return remove_image(self, name, force=force, prune=prune)

    def history(self, name: str) -> HistoryItems:
        """How the image came about, newest step first."""
        return history_of(self, self.resolve(name))

    def _by_prefix(self, text: str) -> Image | None:
        prefix = text if text.startswith("sha256:") else f"sha256:{text}"
        with self.database.exclusive():
            rows = self.database.all("SELECT * FROM images WHERE id GLOB ? LIMIT 2", prefix + "*")
            if len(rows) > 1:
                raise Invalid(f"ambiguous image id {text!r}", hint="give more of its digits")
            return self._image(rows[0]) if rows else None

    def _image(self, row: Row) -> Image:
        identity = row["id"]
        config = self.config(identity)
        layers = self.database.all(
            "SELECT l.diff_id, l.size FROM image_layers i JOIN layers l USING (diff_id)"
            " WHERE i.image = ? ORDER BY i.position",
            identity,
        )
        names = [
            tag["name"]
            for tag in self.database.all("SELECT name FROM tags WHERE image = ? ORDER BY name", identity)
        ]
        extras = tuple(self.host_directories()) if row["host"] else ()
        return Image(
            id=identity,
            config=config,
            tags=tuple(name for name in names if "@" not in name),
            digests=tuple(name for name in names if "@" in name),
            layers=tuple(layer["diff_id"] for layer in layers),
            size=sum(layer["size"] for layer in layers),
            parent=row["parent"] or "",
            added=row["added"],
            extras=extras,
        )

    @staticmethod
    def _key(reference: Reference) -> Reference:
        # name:tag@digest means the digest; the tag is only a comment then.
        return reference._replace(tag="") if reference.digest else reference
