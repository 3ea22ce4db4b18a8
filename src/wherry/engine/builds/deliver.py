"""What a build made, brought to where it was wanted: files and archives to the client, images and caches to
registries."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from wherry.build.attest.documents import Attested
from wherry.build.events import Warned
from wherry.build.finish import Built
from wherry.build.outputs.layout import document, layout_archive
from wherry.build.sharing.choice import of_image
from wherry.build.sharing.documents import cache_documents
from wherry.errors import Unsupported, WherryError
from wherry.oci import Reference, media_types, sha256_of
from wherry.oci.manifest import Descriptor
from wherry.store.apart import to_its_end
from wherry.store.archive.packing import Blob, Packer
from wherry.store.images import Image

from ..bridges import drain
from .bundle import Bundle
from .export import exported
from .outputs import CacheTarget, Output, cache_target, output

if TYPE_CHECKING:
    from wherry.registry.client.push import Made, Make

    from .manager import Auths, Builds
    from .order import BuildOrder

__all__ = ["deliver"]

Metadata = dict[str, Any]


async def deliver(
    builds: Builds, order: BuildOrder, made: list[Built], workplace: str, metadata: Metadata
) -> AsyncIterator[Any]:
    """Events: progress of pushes, and `files` with the number of the output that the bytes are for (caches
    count on from there). `made` is one build a platform. `metadata` gets what BuildKit writes into
    `--metadata-file`."""
    packer = Packer(builds.store.layers, f"{workplace}/packed")
    bundle = Bundle(builds, order, made)
    built = made[0]
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
            pieces = _archive(packer, chosen, made, bundle, metadata)
        else:
            if built.image is not None:
                async for event in _image(builds, chosen, made, bundle, order.auths, metadata):
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
    packer: Packer, chosen: Output, made: list[Built], bundle: Bundle, metadata: Metadata
) -> AsyncIterator[bytes]:
    blobs: dict[str, Blob] = {}
    documents: dict[str, bytes] = {}
    images: list[tuple[Descriptor, Attested | None]] = []
    for built in made:
        image = _portable(built)
        for diff_id in image.layers:
            if diff_id not in blobs:
                blobs[diff_id] = await to_its_end(packer.pack, diff_id, chosen.compression)
        descriptors = {diff_id: blob.descriptor for diff_id, blob in blobs.items()}
        manifest, described = bundle.manifest(built, descriptors, chosen.compression)
        documents |= {image.id: built.config, described.digest: manifest}
        about = await bundle.about(built, described, chosen.names)
        if about is not None:
            documents |= {**about.blobs, sha256_of(about.manifest): about.manifest}
        images.append((described, about))
    top, docker = images[0][0], None
    if bundle.indexed:
        data, top = bundle.index(images)
        documents[top.digest] = data
    elif chosen.kind == "docker":
        image = _portable(made[0])
        docker = image.id, [blobs[diff_id].descriptor.digest for diff_id in image.layers]
    _note(metadata, top, chosen)
    archive = layout_archive(packer, list(blobs.values()), documents, top, chosen.names, docker=docker)
    async for piece in drain(archive):
        yield piece


async def _image(
    builds: Builds, chosen: Output, made: list[Built], bundle: Bundle, auths: Auths, metadata: Metadata
) -> AsyncIterator[Any]:
    if chosen.names:
        metadata["image.name"] = ",".join(str(name) for name in chosen.names)
    for built in made:
        for name in chosen.names:
            if built.image is not None and not chosen.by_digest and not built.request.loose:
                await asyncio.to_thread(builds.store.images.name, built.image.id, name)
    for name in chosen.names if chosen.push else ():
        async for event in _push(builds, chosen, name, made, bundle, auths, metadata):
            yield event


async def _push(
    builds: Builds,
    chosen: Output,
    name: Reference,
    made: list[Built],
    bundle: Bundle,
    auths: Auths,
    metadata: Metadata,
) -> AsyncIterator[Any]:
    """The images, what is said about them, and last what has the name."""
    from wherry.registry.client.push import Made

    alone = name._replace(tag="")
    last = alone if chosen.by_digest else name
    images: list[tuple[Descriptor, Attested | None]] = []
    for built in made:
        described: list[Descriptor] = []

        def make(
            blobs: Mapping[str, Descriptor], built: Built = built, described: list[Descriptor] = described
        ) -> Made:
            manifest, descriptor = bundle.manifest(built, blobs, chosen.compression)
            described.append(descriptor)
            return Made({_portable(built).id: built.config}, manifest, chosen.compression.manifest_type)

        place = alone if bundle.indexed else last
        layers = list(_portable(built).layers)
        async for event in builds.push(place, layers, make, chosen.compression, auths):
            yield event
        about = await bundle.about(built, described[-1], [name])
        if about is not None:
            statements = Made(about.blobs, about.manifest, media_types.OCI_MANIFEST)
            async for event in builds.push(alone, [], _only(statements), chosen.compression, auths):
                yield event
        images.append((described[-1], about))
    top = images[0][0]
    if bundle.indexed:
        data, top = bundle.index(images)
        whole = Made({}, data, media_types.OCI_INDEX)
        async for event in builds.push(last, [], _only(whole), chosen.compression, auths):
            yield event
    _note(metadata, top, chosen)


def _only(made: Made) -> Make:
    return lambda _: made


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
        from wherry.registry.client.push import Made

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
        packed.append(await to_its_end(packer.pack, diff_id, target.compression))
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


def _portable(built: Built) -> Image:
    """The image, if it means something elsewhere. Raises Unsupported."""
    assert built.image is not None
    if built.image.extras:
        raise Unsupported(
            "an image made of this machine's own /usr means nothing elsewhere",
            hint="-o DIRECTORY gives the files",
        )
    return built.image


def _note(metadata: Metadata, top: Descriptor, chosen: Output) -> None:
    metadata["containerimage.digest"] = top.digest
    metadata["containerimage.descriptor"] = _shown(top)
    if chosen.names:
        metadata["image.name"] = ",".join(str(name) for name in chosen.names)


def _shown(descriptor: Descriptor) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(descriptor)
    return shown
