"""Which images are built in, and keeping them true to the machine.

Layers are immutable, so when what `host` was made from has changed (a library was installed: the dynamic
linker's cache is another), a new layer and a new image are made and take the name over; containers of the
old one keep it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple

from wherry.errors import Unsupported
from wherry.oci import History, ImageConfig, RootFS, RunConfig, encode_image_config, parse_reference
from wherry.store.builtin.fingerprint import Fingerprint
from wherry.store.builtin.hello import MESSAGE, hello_archive
from wherry.store.builtin.host import VERSION, host_archive, host_config, host_watched
from wherry.store.database import Database
from wherry.store.images.collection import Images
from wherry.store.images.model import HOST_FEATURE
from wherry.store.images.moments import now
from wherry.store.layers import Layers
from wherry.store.machine import architecture

__all__ = ["Builtins"]

_HELLO = "2026-11-24T00:00:00Z"  # the day it was written: the same content is the same image


class _Recipe(NamedTuple):
    fingerprint: Callable[[], str]
    archive: Callable[[], bytes]
    config: Callable[[], RunConfig]
    created: Callable[[], str]
    features: tuple[str, ...]
    comment: str


def _recipes() -> dict[str, _Recipe]:
    return {
        "docker.io/library/hello:latest": _Recipe(
            fingerprint=lambda: MESSAGE,
            archive=hello_archive,
            config=lambda: RunConfig(cmd=["/hello"], working_dir="/"),
            created=lambda: _HELLO,
            features=(),
            comment="built in: says hello",
        ),
        "docker.io/library/host:latest": _Recipe(
            fingerprint=Fingerprint(VERSION, host_watched).value,
            archive=host_archive,
            config=host_config,
            created=now,
            features=(HOST_FEATURE,),
            comment="built in: this machine's own /usr",
        ),
    }


class Builtins:
    """Thread-safe."""

    def __init__(self, database: Database, layers: Layers, images: Images) -> None:
        self._database = database
        self._layers = layers
        self._images = images
        self._lock = threading.Lock()
        self._recipes = _recipes()

    def provide(self, name: str) -> None:
        """Make the built-in image of the canonical `name` if it isn't there or out of date; empty: all that
        nobody removed. Does nothing for other names, nor where the user gave the name to another image."""
        if not name:
            for known in self._recipes:
                if not self._is_hidden(known):
                    self._provide(known)
        elif name in self._recipes:
            self._provide(name)

    def is_builtin(self, image_id: str) -> bool:
        """Whether the image was made here, so that there is nothing to fetch it from."""
        return self._database.one("SELECT 1 FROM builtins WHERE image = ?", image_id) is not None

    def _is_hidden(self, name: str) -> bool:
        made = self._database.one("SELECT 1 FROM builtins WHERE name = ?", name)
        return made is not None and self._database.one("SELECT 1 FROM tags WHERE name = ?", name) is None

    def _provide(self, name: str) -> None:
        recipe = self._recipes[name]
        with self._lock:
            made = self._database.one("SELECT * FROM builtins WHERE name = ?", name)
            tag = self._database.one("SELECT image FROM tags WHERE name = ?", name)
            if tag is not None and (made is None or tag["image"] != made["image"]):
                return  # the user's own
            fingerprint = recipe.fingerprint()
            if tag is not None and made is not None and made["fingerprint"] == fingerprint:
                return
            try:
                archive = recipe.archive()
            except Unsupported:
                return
            self._make(name, recipe, archive, fingerprint)
            if made is not None:
                self._retire(made["image"])

    def _make(self, name: str, recipe: _Recipe, archive: bytes, fingerprint: str) -> None:
        kind, _ = architecture()
        created = recipe.created()
        with self._layers.lease() as lease:
            layer = self._layers.unpack([archive], lease)
            config = ImageConfig(
                architecture=kind,
                os="linux",
                created=created,
                config=recipe.config(),
                rootfs=RootFS(diff_ids=[layer.diff_id]),
                history=[History(created=created, created_by="wherry", comment=recipe.comment)],
                os_features=list(recipe.features),
            )
            with self._database.transaction():
                tags = [parse_reference(name)]
                image = self._images.add(
                    encode_image_config(config), lease=lease, tags=tags, host=HOST_FEATURE in recipe.features
                )
                self._database.execute(
                    "INSERT INTO builtins (name, fingerprint, image) VALUES (?, ?, ?)"
                    " ON CONFLICT (name) DO UPDATE SET fingerprint = excluded.fingerprint,"
                    " image = excluded.image",
                    name,
                    fingerprint,
                    image.id,
                )

    def _retire(self, image_id: str) -> None:
        row = self._database.one(
            "SELECT 1 FROM images WHERE id = ?1"
            " AND NOT EXISTS (SELECT 1 FROM tags WHERE image = ?1)"
            " AND NOT EXISTS (SELECT 1 FROM images c WHERE c.parent = ?1)",
            image_id,
        )
        if row is not None and not self._images.users(image_id):
            self._images.forget(image_id)
            self._layers.collect()
