"""What a build made, brought to where it was wanted: files and archives to the client, images and caches to
registries."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from wherry.build.events import Warned
from wherry.build.finish import Built
from wherry.build.outputs.layout import document, layout_archive
from wherry.build.sharing.choice import of_image
from wherry.build.sharing.documents import cache_documents
from wherry.errors import Unsupported, WherryError
from wherry.oci import Platform, media_types, sha256_of
from wherry.oci.manifest import Descriptor
from wherry.registry.client.push import Made
from wherry.store.archive.packing import Blob, Packer, manifest_of
from wherry.store.images import Image

from ..bridges import drain
from .export import exported
from .outputs import CacheTarget, Output, cache_target, output

if TYPE_CHECKING:
    from .manager import Auths, Builds
    from .order import BuildOrder

__all__ = ["deliver"]

Metadata = dict[str, Any]


async def deliver(
    builds: Builds, order: BuildOrder, built: Built, workplace: str, metadata: Metadata
) -> AsyncIterator[Any]:
    """Events: progress of pushes, and `files` with the number of the output that the bytes are for (caches
    count on from there). `metadata` gets what BuildKit writes into `--metadata-file`."""
    packer = Packer(builds.store.layers, f"{workplace}/packed")
    if built.image is not None:
        metadata["containerimage.config.digest"] = built.image.id
        metadata["containerimage.digest"] = built.image.id
    for number, wanted in enumerate(order.outputs):
        chosen = output(wanted, order.tags)
        if chosen.rewrite and order.epoch is None:
            yield Warned("rewrite-timestamp is specified, but no SOURCE_DATE_EPOCH is given")
        if chosen.kind == "files":
            pieces = exported(builds, built.state)
        elif chosen.kind in ("oci", "docker") and built.image is not None:
            pieces = _archive(builds, packer, chosen, built.image, metadata)
        else:
            if built.image is not None:
                async for event in _image(builds, chosen, built.image, order.auths, metadata):
                    yield event
            continue
        async for piece in pieces:
            yield _files(number, piece)
    for number, cache in enumerate(order.cache_to, len(order.outputs)):
        target = cache_target(cache)
        try:
            async for event in _cache(builds, packer, target, built, number, order.auths, metadata):
                yield event
        except WherryError as error:
            if not target.may_fail:
                raise
            yield Warned(f"failed to export the cache: {error.message}")


def _files(number: int, piece: bytes) -> dict[str, Any]:
    return {"event": "files", "to": number, "data": base64.b64encode(piece).decode()}


async def _archive(
    builds: Builds, packer: Packer, chosen: Output, image: Image, metadata: Metadata
) -> AsyncIterator[bytes]:
    config = await asyncio.to_thread(_config, builds, image)
    blobs = {}
    for diff_id in dict.fromkeys(image.layers):
        blobs[diff_id] = await asyncio.to_thread(packer.pack, diff_id, chosen.compression)
    descriptors = {diff_id: blob.descriptor for diff_id, blob in blobs.items()}
    manifest = manifest_of(config, image.layers, descriptors, chosen.compression)
    platform = Platform(
        architecture=image.config.architecture, os=image.config.os, variant=image.config.variant
    )
    top = msgspec.structs.replace(document(manifest, chosen.compression.manifest_type), platform=platform)
    _note(metadata, top, chosen)
    docker = None
    if chosen.kind == "docker":
        docker = image.id, [descriptors[diff_id].digest for diff_id in image.layers]
    documents = {image.id: config, top.digest: manifest}
    archive = layout_archive(packer, list(blobs.values()), documents, top, chosen.names, docker=docker)
    async for piece in drain(archive):
        yield piece


async def _image(
    builds: Builds, chosen: Output, image: Image, auths: Auths, metadata: Metadata
) -> AsyncIterator[Any]:
    for name in chosen.names:
        if not chosen.by_digest:
            await asyncio.to_thread(builds.store.images.name, image.id, name)
    if chosen.names:
        metadata["image.name"] = ",".join(str(name) for name in chosen.names)
    if not chosen.push:
        return
    config = await asyncio.to_thread(_config, builds, image)
    tops: list[Descriptor] = []

    def make(blobs: Mapping[str, Descriptor]) -> Made:
        manifest = manifest_of(config, image.layers, blobs, chosen.compression)
        tops.append(document(manifest, chosen.compression.manifest_type))
        return Made({image.id: config}, manifest, chosen.compression.manifest_type)

    for name in chosen.names:
        name = name._replace(tag="") if chosen.by_digest else name
        async for event in builds.push(name, list(image.layers), make, chosen.compression, auths):
            yield event
    _note(metadata, tops[-1], chosen)


async def _cache(
    builds: Builds,
    packer: Packer,
    target: CacheTarget,
    built: Built,
    number: int,
    auths: Auths,
    metadata: Metadata,
) -> AsyncIterator[Any]:
    if target.kind == "inline":
        return
    records = built.results if target.everything else of_image(built.results, built.state)
    layers = list(dict.fromkeys(record.diff_id for record in records if record.diff_id))
    if target.reference is not None:

        def make(blobs: Mapping[str, Descriptor]) -> Made:
            config, manifest = cache_documents(records, blobs)
            metadata["cache.manifest"] = _shown(document(manifest, media_types.OCI_MANIFEST))
            return Made({sha256_of(config): config}, manifest, media_types.OCI_MANIFEST)

        async for event in builds.push(target.reference, layers, make, target.compression, auths):
            yield event
        return
    blobs: dict[str, Descriptor] = {}
    packed: list[Blob] = []
    for diff_id in layers:
        known = target.have.get(diff_id)
        if known is not None and _fits(known, target):
            blobs[diff_id] = known
            continue
        packed.append(await asyncio.to_thread(packer.pack, diff_id, target.compression))
        blobs[diff_id] = packed[-1].descriptor
    config, manifest = cache_documents(records, blobs)
    top = document(manifest, media_types.OCI_MANIFEST)
    metadata["cache.manifest"] = _shown(top)
    named = msgspec.structs.replace(top, annotations={"org.opencontainers.image.ref.name": target.tag})
    documents = {sha256_of(config): config, top.digest: manifest}
    async for piece in drain(layout_archive(packer, packed, documents, named, [])):
        yield _files(number, piece)


def _fits(known: Descriptor, target: CacheTarget) -> bool:
    """Whether what the directory has may stay as it is."""
    return not target.compression.force or known.media_type == target.compression.layer_type


def _config(builds: Builds, image: Image) -> bytes:
    if image.extras:
        raise Unsupported(
            "an image made of this machine's own /usr means nothing elsewhere",
            hint="-o DIRECTORY gives the files",
        )
    return builds.store.blobs.read(image.id)


def _note(metadata: Metadata, top: Descriptor, chosen: Output) -> None:
    metadata["containerimage.digest"] = top.digest
    metadata["containerimage.descriptor"] = _shown(top)
    if chosen.names:
        metadata["image.name"] = ",".join(str(name) for name in chosen.names)


def _shown(descriptor: Descriptor) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(descriptor)
    return shown
