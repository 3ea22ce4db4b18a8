"""An image as the store knows it."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from wherry.oci import ImageConfig

__all__ = ["HistoryItem", "Image", "ImageUser", "Removal"]

HOST_FEATURE = "wherry.host"  # in `os.features`, so that others see that the layers are not all there is


class Image(msgspec.Struct, frozen=True):
    """`id` is the digest of the configuration's bytes. Names are canonical (`docker.io/library/x:latest`)."""

    id: str
    config: ImageConfig
    tags: tuple[str, ...]
    digests: tuple[str, ...]  # names with @sha256:…, of images that came from a registry
    layers: tuple[str, ...]  # diff ids, lowest first
    size: int  # bytes in the regular files of all layers
    parent: str  # image id or empty
    added: int  # ns since the epoch
    extras: tuple[tuple[str, str], ...] = ()  # (inside, on the machine): directories of the machine below it


class HistoryItem(NamedTuple):
    """One line of `docker history`; `created` in seconds since the epoch."""

    id: str  # image id or "<missing>"
    created: int
    created_by: str
    tags: tuple[str, ...]  # familiar names
    size: int
    comment: str


class ImageUser(NamedTuple):
    """A container that was made from an image."""

    container: str
    running: bool


class Removal(NamedTuple):
    """One line of what `docker rmi` reports: either a name that went, or an image or layer."""

    untagged: str = ""
    deleted: str = ""
