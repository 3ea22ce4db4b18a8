"""`load`: images from an archive that `docker save`, `podman save`, `skopeo`, `buildah` or wherry wrote.

Layouts that are understood, in this order of preference: `manifest.json` (Docker's, old and new),
`index.json` (OCI image layout 1.0). Each may be plain, gzip, zstd, bzip2 or xz.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from wherry.errors import Invalid
from wherry.oci import Descriptor, ImageConfig, Reference, parse_image_config, parse_reference
from wherry.oci.manifest import Index, parse_document, parse_index
from wherry.store.archive.contents import Contents, read_contents
from wherry.store.images.collection import Images
from wherry.store.images.model import HOST_FEATURE, Image
from wherry.store.layers import Layers, Lease
from wherry.store.machine import architecture

__all__ = ["LoadedImage", "load"]

_MAX_DEPTH = 4
_MAX_IMAGES = 1000
_NAME = "io.containerd.image.name"
_REF_NAME = "org.opencontainers.image.ref.name"


class LoadedImage(NamedTuple):
    """One image that came in, with the familiar names the archive gave it (maybe none)."""

    image: Image
    names: tuple[str, ...]


class _DockerImage(msgspec.Struct, rename="pascal"):
    config: str
    layers: list[str] | None = None
    repo_tags: list[str] | None = None
    parent: str | None = None


def load(chunks: Iterable[bytes | memoryview], images: Images, layers: Layers) -> Iterator[LoadedImage]:
    """See `Store.load`."""
    with layers.lease() as lease:
        contents = read_contents(chunks, layers, lease)
        if "manifest.json" in contents.documents:
            found = list(_docker_images(contents))
        elif "index.json" in contents.documents:
            found = list(_oci_images(contents))
        else:
            raise Invalid(
                "unrecognized image format: neither manifest.json nor index.json is in the archive",
                hint="a root filesystem becomes an image with `wherry import`",
            )
        if not found:
            raise Invalid("the archive holds no image for this platform")
        for config, diff_ids, names, parent in found:
            yield _add(images, lease, config, diff_ids, names, parent)
    layers.collect()


_Found = tuple[bytes, list[str], list[Reference], str]


def _docker_images(contents: Contents) -> Iterator[_Found]:
    try:
        entries = msgspec.json.decode(contents.document("manifest.json"), type=list[_DockerImage])
    except msgspec.MsgspecError as error:
        raise Invalid(f"malformed manifest.json: {error}") from error
    for entry in entries[:_MAX_IMAGES]:
        config = contents.document(entry.config)
        names = [parse_reference(name).tagged for name in entry.repo_tags or ()]
        diff_ids = [contents.layer(path) for path in entry.layers or ()]
        yield config, diff_ids, names, entry.parent or ""


def _oci_images(contents: Contents) -> Iterator[_Found]:
    index = parse_index(contents.document("index.json"))
    for descriptor in index.manifests[:_MAX_IMAGES]:
        names = _names(descriptor)
        for manifest in _manifests(contents, descriptor, 0):
            document = parse_document(contents.blob(manifest.digest), manifest.media_type)
            if isinstance(document, Index):
                continue
            config = contents.blob(document.config.digest)
            paths = [f"blobs/sha256/{layer.digest.removeprefix('sha256:')}" for layer in document.layers]
            yield config, [contents.layer(path) for path in paths], names, ""


def _manifests(contents: Contents, descriptor: Descriptor, depth: int) -> list[Descriptor]:
    """The manifests below `descriptor` to take: this machine's, or a single one whatever it is for."""
    if depth > _MAX_DEPTH:
        raise Invalid("image indexes nested too deep")
    document = parse_document(contents.blob(descriptor.digest), descriptor.media_type)
    if not isinstance(document, Index):
        return [descriptor]
    real = [part for part in document.manifests if not _is_attestation(part)]
    fitting = [part for part in real if _fits(part)]
    chosen = fitting[:1] if fitting else real if len(real) == 1 else []
    return [manifest for part in chosen for manifest in _manifests(contents, part, depth + 1)]


def _is_attestation(descriptor: Descriptor) -> bool:
    platform = descriptor.platform
    return platform is not None and platform.os == "unknown"


def _fits(descriptor: Descriptor) -> bool:
    kind, variant = architecture()
    platform = descriptor.platform
    if platform is None:
        return True
    same_variant = not platform.variant or not variant or platform.variant == variant
    return platform.os == "linux" and platform.architecture == kind and same_variant


def _names(descriptor: Descriptor) -> list[Reference]:
    full = descriptor.annotations.get(_NAME) or descriptor.annotations.get(_REF_NAME, "")
    # The OCI annotation is often only a tag, without a name that would say of what.
    if not full or ("/" not in full and ":" not in full and _NAME not in descriptor.annotations):
        return []
    return [parse_reference(full).tagged]


def _add(
    images: Images, lease: Lease, config: bytes, diff_ids: list[str], names: list[Reference], parent: str
) -> LoadedImage:
    parsed: ImageConfig = parse_image_config(config)
    wanted = parsed.rootfs.diff_ids
    if len(wanted) != len(diff_ids):
        raise Invalid(
            f"invalid manifest, layers length mismatch: expected {len(wanted)}, got {len(diff_ids)}"
        )
    for number, (want, have) in enumerate(zip(wanted, diff_ids, strict=True)):
        if want != have:
            raise Invalid(f"invalid diffID for layer {number}: expected {want!r}, got {have!r}")
    if parsed.os not in ("", "linux"):
        raise Invalid(f"image is for {parsed.os[:40]!r}, not for Linux")
    if HOST_FEATURE in parsed.os_features:
        raise Invalid("image lies over the /usr of the machine that it was made on, and is nothing elsewhere")
    above = images.find(parent) if parent else None
    image = images.add(config, lease=lease, tags=names, parent=above.id if above else "")
    return LoadedImage(image, tuple(name.familiar for name in names))
