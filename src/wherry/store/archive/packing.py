"""Layers as the blobs of an output, and the manifest over them."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from wherry.oci import media_types, sha256_of
from wherry.oci.digest import hex_of
from wherry.oci.manifest import Descriptor, Manifest, encode_document
from wherry.store.compression import compress
from wherry.store.diskerrors import disk_errors
from wherry.store.layers import Layers

__all__ = ["Blob", "Compression", "Packer", "manifest_of"]

_CHUNK = 1 << 20
_OCI = {"gzip": media_types.OCI_LAYER_GZIP, "zstd": media_types.OCI_LAYER_ZSTD, "": media_types.OCI_LAYER}
_DOCKER = {
    "gzip": media_types.DOCKER_LAYER_GZIP,
    "zstd": media_types.DOCKER_LAYER_ZSTD,
    "": media_types.DOCKER_LAYER,
}


class Compression(NamedTuple):
    """`kind` is gzip, zstd or empty; `level` None for a quick one; `force` compresses anew what is known with
    another compression; `docker` writes Docker's media types instead of OCI's."""

    kind: str = "gzip"
    level: int | None = None
    force: bool = False
    docker: bool = False

    @property
    def layer_type(self) -> str:
        """The media type of a layer."""
        return (_DOCKER if self.docker else _OCI)[self.kind]

    @property
    def manifest_type(self) -> str:
        """The media type of an image's manifest."""
        return media_types.DOCKER_MANIFEST if self.docker else media_types.OCI_MANIFEST

    @property
    def config_type(self) -> str:
        """The media type of an image's configuration."""
        return media_types.DOCKER_CONFIG if self.docker else media_types.OCI_CONFIG


class Blob(NamedTuple):
    """`path` is empty when it is the layer's own archive, as the store gives it out."""

    descriptor: Descriptor
    diff_id: str
    path: str = ""


class Packer:
    """Compresses layers into files of a directory, each once for a compression: the size of a blob must be
    known before it is put into an archive. Blocks; thread-safe."""

    def __init__(self, layers: Layers, directory: str) -> None:
        self._layers = layers
        self._directory = directory
        self._made: dict[tuple[str, str, int | None], Blob] = {}
        self._lock = threading.Lock()

    def pack(self, diff_id: str, compression: Compression) -> Blob:
        """The blob of a layer, which the caller holds. Raises Internal when it is damaged on disk."""
        if not compression.kind:
            size = self._layers.get(diff_id).archive
            return Blob(Descriptor(media_type=compression.layer_type, digest=diff_id, size=size), diff_id)
        key = (diff_id, compression.kind, compression.level)
        with self._lock:
            if key not in self._made:
                self._made[key] = self._compress(diff_id, compression)
            blob = self._made[key]
        digest, size = blob.descriptor.digest, blob.descriptor.size
        return blob._replace(
            descriptor=Descriptor(media_type=compression.layer_type, digest=digest, size=size)
        )

    def read(self, blob: Blob) -> Iterator[bytes]:
        """The bytes of a blob."""
        if not blob.path:
            yield from self._layers.archive(blob.diff_id)
            return
        with open(blob.path, "rb", buffering=0) as file:
            while chunk := file.read(_CHUNK):
                yield chunk

    def _compress(self, diff_id: str, compression: Compression) -> Blob:
        os.makedirs(self._directory, mode=0o700, exist_ok=True)
        path = os.path.join(self._directory, f"{hex_of(diff_id)}.{compression.kind}{compression.level}")
        state, size = hashlib.sha256(), 0
        with disk_errors("a compressed layer"), open(path, "xb", buffering=0) as file:
            archive = self._layers.archive(diff_id)
            for chunk in compress(archive, compression.kind, compression.level):
                state.update(chunk)
                size += len(chunk)
                view = memoryview(chunk)
                while view:
                    view = view[file.write(view) :]
        digest = f"sha256:{state.hexdigest()}"
        return Blob(Descriptor(media_type=compression.layer_type, digest=digest, size=size), diff_id, path)


def manifest_of(
    config: bytes,
    layers: Sequence[str],
    blobs: Mapping[str, Descriptor],
    compression: Compression,
    annotations: Mapping[str, str] | None = None,
) -> bytes:
    """The manifest of an image whose `layers` (diff ids) are these blobs."""
    return encode_document(
        Manifest(
            schema_version=2,
            media_type=compression.manifest_type,
            config=Descriptor(media_type=compression.config_type, digest=sha256_of(config), size=len(config)),
            layers=[blobs[diff_id] for diff_id in layers],
            annotations=dict(annotations or {}),
        )
    )
