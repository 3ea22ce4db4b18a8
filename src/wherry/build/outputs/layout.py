"""An image as a tar archive: an OCI image layout, which for `type=docker` is Docker's archive as well."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wherry.oci import Reference, media_types, sha256_of
from wherry.oci.digest import hex_of
from wherry.oci.manifest import Descriptor
from wherry.store.archive.packing import Blob, Packer
from wherry.store.tar import Item, Kind, TarEntry, written

__all__ = ["layout_archive"]


def layout_archive(
    packer: Packer,
    blobs: Sequence[Blob],
    documents: Mapping[str, bytes],
    top: Descriptor,
    names: Sequence[Reference],
    *,
    skip: frozenset[str] = frozenset(),
    docker: tuple[str, Sequence[str]] | None = None,
) -> Iterator[bytes]:
    """The archive. `documents` are manifests and configurations by digest, `top` what the index names, under
    `names` (once without a name when there are none); blobs with a digest in `skip` are left out: they are
    there already. `docker` is the configuration's digest and the layers' blobs, for Docker's own
    manifest.json. The same image gives the same bytes.
    """
    return written(_items(packer, blobs, documents, top, names, skip, docker))


def _items(
    packer: Packer,
    blobs: Sequence[Blob],
    documents: Mapping[str, bytes],
    top: Descriptor,
    names: Sequence[Reference],
    skip: frozenset[str],
    docker: tuple[str, Sequence[str]] | None,
) -> Iterator[Item]:
    for name in ("blobs/", "blobs/sha256/"):
        yield TarEntry(name.encode(), Kind.DIRECTORY, mode=0o755), ()
    contents: dict[str, bytes | Blob] = {blob.descriptor.digest: blob for blob in blobs}
    contents.update(documents)
    for digest in sorted(contents.keys() - skip):
        content = contents[digest]
        path = f"blobs/sha256/{hex_of(digest)}"
        if isinstance(content, Blob):
            yield _file(path, content.descriptor.size), packer.read(content)
        else:
            yield _whole(path, content)
    yield _whole("index.json", _index(top, names))
    if docker is not None:
        yield _whole("manifest.json", _docker_manifest(docker[0], docker[1], names))
    yield _whole("oci-layout", _json({"imageLayoutVersion": "1.0.0"}))


def _index(top: Descriptor, names: Sequence[Reference]) -> bytes:
    plain: dict[str, Any] = {"mediaType": top.media_type, "digest": top.digest, "size": top.size}
    if top.platform is not None:
        given = top.platform
        plain["platform"] = {"architecture": given.architecture, "os": given.os}
        if given.variant:
            plain["platform"]["variant"] = given.variant
    manifests = []
    for name in names:
        said = {"org.opencontainers.image.ref.name": name.tag, "io.containerd.image.name": str(name)}
        manifests.append({**plain, "annotations": {**top.annotations, **said}})
    if not manifests:
        manifests.append({**plain, "annotations": dict(top.annotations)} if top.annotations else plain)
    return _json({"schemaVersion": 2, "mediaType": media_types.OCI_INDEX, "manifests": manifests})


def _docker_manifest(config: str, layers: Sequence[str], names: Sequence[Reference]) -> bytes:
    entry = {
        "Config": f"blobs/sha256/{hex_of(config)}",
        "RepoTags": [name.familiar for name in names] or None,
        "Layers": [f"blobs/sha256/{hex_of(digest)}" for digest in layers],
    }
    return _json([entry])


def document(data: bytes, media_type: str) -> Descriptor:
    """What points at a document."""
    return Descriptor(media_type=media_type, digest=sha256_of(data), size=len(data))


def _file(path: str, size: int) -> TarEntry:
    return TarEntry(path.encode(), Kind.FILE, mode=0o644, size=size)


def _whole(path: str, data: bytes) -> Item:
    return _file(path, len(data)), (data,)


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
