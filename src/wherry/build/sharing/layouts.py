"""An OCI image layout in a directory of this machine, read only: caches and bases of builds. Blocks."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from typing import NamedTuple

from wherry.errors import Invalid, NotFound
from wherry.oci import media_types, parse_image_config
from wherry.oci.digest import check_digest, hex_of
from wherry.oci.manifest import Descriptor, Index, Manifest, Platform, parse_document
from wherry.registry.client.platforms import choose
from wherry.store import Store
from wherry.store.images import Image
from wherry.store.layers import Lease
from wherry.store.root import Root

__all__ = ["Layout", "LayoutBase"]

_CHUNK = 1 << 20
_LIMIT = 64 << 20
_DEPTH = 4
_TAG = "org.opencontainers.image.ref.name"


class LayoutBase(NamedTuple):
    """An image in a layout, to be opened when it is needed: `oci-layout://PATH[:TAG][@DIGEST]`."""

    path: str
    tag: str = ""
    digest: str = ""


class Layout:
    """Nothing outside of the directory is read, and every blob is verified. Close it."""

    def __init__(self, path: str) -> None:
        """Raises NotFound when there is no layout."""
        self.path = path
        try:
            self._root = Root(path)
        except OSError as error:
            raise NotFound(f"{path}: {(error.strerror or '').lower()}") from None

    def close(self) -> None:
        """Close the directory."""
        self._root.close()

    def find(self, *, tag: str = "", digest: str = "", platform: Platform) -> Manifest:
        """The manifest with a digest or tag; without either the one named `latest`, or the only one. Raises
        NotFound, Invalid."""
        index = parse_document(self._small("index.json"), media_types.OCI_INDEX)
        if not isinstance(index, Index):
            raise Invalid(f"{self.path}: index.json is no index")
        if digest:
            return self._manifest(self._named(index, check_digest(digest)), platform)
        wanted = tag or "latest"
        named = [one for one in index.manifests if one.annotations.get(_TAG) == wanted]
        if not named and not tag and len({one.digest for one in index.manifests}) == 1:
            named = index.manifests
        if not named:
            raise NotFound(f"{self.path}: there is no {wanted!r} in this image layout")
        return self._manifest(named[-1], platform)

    def blob(self, descriptor: Descriptor) -> Iterator[bytes]:
        """A blob's bytes, verified at their end. Raises NotFound, Invalid."""
        algorithm = check_digest(descriptor.digest).partition(":")[0]
        fd = self._root.open(f"blobs/{algorithm}/{hex_of(descriptor.digest)}", os.O_RDONLY)
        if fd is None:
            raise NotFound(f"{self.path}: the blob {descriptor.digest} is missing")
        state, size = hashlib.new(algorithm), 0
        try:
            while data := os.read(fd, _CHUNK):
                state.update(data)
                size += len(data)
                yield data
        finally:
            os.close(fd)
        if state.hexdigest() != hex_of(descriptor.digest) or size != descriptor.size:
            raise Invalid(f"{self.path}: the blob {descriptor.digest} is damaged")

    def whole(self, descriptor: Descriptor) -> bytes:
        """A small blob. Raises Invalid when it is none."""
        if descriptor.size > _LIMIT:
            raise Invalid(f"{self.path}: a document of {descriptor.size} bytes")
        return b"".join(self.blob(descriptor))

    def load(self, store: Store, lease: Lease, manifest: Manifest) -> Image:
        """The image of a manifest: its layers are unpacked and held by `lease`; the store gets no image."""
        config = self.whole(manifest.config)
        parsed = parse_image_config(config)
        if len(parsed.rootfs.diff_ids) != len(manifest.layers):
            raise Invalid(f"{self.path}: configuration and manifest have different numbers of layers")
        for diff_id, layer in zip(parsed.rootfs.diff_ids, manifest.layers, strict=True):
            if not lease.take(diff_id):
                store.layers.unpack(self.blob(layer), lease, expected=diff_id)
        return Image(
            id=manifest.config.digest,
            config=parsed,
            tags=(),
            digests=(),
            layers=tuple(parsed.rootfs.diff_ids),
            size=0,
            parent="",
            added=0,
        )

    def _named(self, index: Index, digest: str) -> Descriptor:
        for one in index.manifests:
            if one.digest == digest:
                return one
        fd = self._root.open(f"blobs/{digest.replace(':', '/')}", os.O_RDONLY)
        if fd is None:
            raise NotFound(f"{self.path}: there is no {digest} in this image layout")
        try:
            return Descriptor(media_type="", digest=digest, size=os.fstat(fd).st_size)
        finally:
            os.close(fd)

    def _manifest(self, descriptor: Descriptor, platform: Platform) -> Manifest:
        for _ in range(_DEPTH):
            document = parse_document(self.whole(descriptor), descriptor.media_type)
            if isinstance(document, Manifest):
                return document
            chosen = choose(document.manifests, platform)
            if chosen is None:
                raise NotFound(f"{self.path}: there is no image for {platform.os}/{platform.architecture}")
            descriptor = chosen
        raise Invalid(f"{self.path}: indexes within indexes within indexes")

    def _small(self, name: str) -> bytes:
        fd = self._root.open(name, os.O_RDONLY)
        if fd is None:
            raise NotFound(f"{self.path} is no OCI image layout: there is no {name}")
        try:
            return os.read(fd, _LIMIT)
        finally:
            os.close(fd)
