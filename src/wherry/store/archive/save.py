"""`save`: images to an archive that is a Docker archive and an OCI image layout at once, as `docker save` has
written since version 25. Docker (old and new), Podman, skopeo and wherry load it. The same images give the
same bytes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from wherry.errors import Unsupported
from wherry.oci import Reference, looks_like_id, media_types, parse_reference, sha256_of
from wherry.oci.digest import hex_of
from wherry.store.images.collection import Images
from wherry.store.images.model import Image
from wherry.store.layers import Layers
from wherry.store.tar import Kind, TarEntry, end_of_archive, header, padding

__all__ = ["save"]


class _Saved(NamedTuple):
    image: Image
    names: list[Reference]
    manifest: bytes


def save(names: Iterable[str], images: Images, layers: Layers) -> Iterator[bytes]:
    """See `Store.save`."""
    chosen = _choose(names, images)
    saved = [_Saved(image, refs, _manifest(image, images, layers)) for image, refs in chosen]
    return _archive(saved, images, layers)


def _choose(names: Iterable[str], images: Images) -> list[tuple[Image, list[Reference]]]:
    chosen: dict[str, tuple[Image, list[Reference]]] = {}
    for name in names:
        image = images.resolve(name)
        if image.extras:
            raise Unsupported(
                f"{name} is made of this machine's own /usr and means nothing elsewhere",
                hint="`wherry export CONTAINER` gives the files of one of its containers",
            )
        _, refs = chosen.setdefault(image.id, (image, []))
        for reference in _names_of(name, image):
            if reference not in refs:
                refs.append(reference)
    return list(chosen.values())


def _names_of(name: str, image: Image) -> list[Reference]:
    if looks_like_id(name) and image.id.startswith("sha256:" + name.removeprefix("sha256:")):
        return []
    reference = parse_reference(name)
    if reference.tag:
        return [reference]
    if reference.digest:
        return []
    # A bare repository means all its tags, as in Docker.
    tags = [parse_reference(tag) for tag in image.tags]
    return [tag for tag in tags if tag.repository == reference.repository]


def _manifest(image: Image, images: Images, layers: Layers) -> bytes:
    blobs = [
        {
            "mediaType": media_types.OCI_LAYER,
            "digest": diff_id,
            "size": layers.get(diff_id).archive,
        }
        for diff_id in image.layers
    ]
    return _json(
        {
            "schemaVersion": 2,
            "mediaType": media_types.OCI_MANIFEST,
            "config": {
                "mediaType": media_types.OCI_CONFIG,
                "digest": image.id,
                "size": images.blobs.size(image.id),
            },
            "layers": blobs,
        }
    )


def _archive(saved: list[_Saved], images: Images, layers: Layers) -> Iterator[bytes]:
    documents: dict[str, bytes] = {}
    diff_ids: set[str] = set()
    for item in saved:
        documents[item.image.id] = images.blobs.read(item.image.id)
        documents[sha256_of(item.manifest)] = item.manifest
        diff_ids |= set(item.image.layers)
    yield _directory("blobs/") + _directory("blobs/sha256/")
    for digest in sorted(documents.keys() | diff_ids):
        path = f"blobs/sha256/{hex_of(digest)}"
        if digest in documents:
            yield _file(path, documents[digest])
            continue
        size = layers.get(digest).archive
        yield _header(path, size)
        yield from layers.archive(digest)
        yield padding(size)
    yield _file("index.json", _index(saved))
    yield _file("manifest.json", _docker_manifest(saved, layers))
    yield _file("oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
    if repositories := _repositories(saved):
        yield _file("repositories", _json(repositories))
    yield end_of_archive()


def _index(saved: list[_Saved]) -> bytes:
    manifests: list[dict[str, Any]] = []
    for item in saved:
        descriptor: dict[str, Any] = {
            "mediaType": media_types.OCI_MANIFEST,
            "digest": sha256_of(item.manifest),
            "size": len(item.manifest),
        }
        if item.image.config.architecture:
            platform = {"architecture": item.image.config.architecture, "os": item.image.config.os}
            if item.image.config.variant:
                platform["variant"] = item.image.config.variant
            descriptor["platform"] = platform
        names: list[Reference | None] = [*item.names] or [None]
        for name in names:
            annotations = {}
            if name is not None:
                annotations = {
                    "io.containerd.image.name": str(name),
                    "org.opencontainers.image.ref.name": name.tag,
                }
            manifests.append({**descriptor, "annotations": annotations} if annotations else descriptor)
    return _json({"schemaVersion": 2, "mediaType": media_types.OCI_INDEX, "manifests": manifests})


def _docker_manifest(saved: list[_Saved], layers: Layers) -> bytes:
    entries = []
    for item in saved:
        sources = {
            diff_id: {
                "mediaType": media_types.OCI_LAYER,
                "size": layers.get(diff_id).archive,
                "digest": diff_id,
            }
            for diff_id in item.image.layers
        }
        entries.append(
            {
                "Config": f"blobs/sha256/{hex_of(item.image.id)}",
                "RepoTags": [name.familiar for name in item.names] or None,
                "Layers": [f"blobs/sha256/{hex_of(diff_id)}" for diff_id in item.image.layers],
                "LayerSources": sources,
            }
        )
    return _json(entries)


def _repositories(saved: list[_Saved]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for item in saved:
        for name in item.names:
            top = hex_of(item.image.layers[-1]) if item.image.layers else ""
            found.setdefault(name.familiar_name, {})[name.tag] = top
    return found


def _file(path: str, data: bytes) -> bytes:
    return _header(path, len(data)) + data + padding(len(data))


def _header(path: str, size: int) -> bytes:
    return header(TarEntry(path.encode(), Kind.FILE, mode=0o644, size=size))


def _directory(path: str) -> bytes:
    return header(TarEntry(path.encode(), Kind.DIRECTORY, mode=0o755))


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
