"""Statements about an image, the manifest that holds them, and the index over images and their statements.

Sources: in-toto Statement v1; BuildKit's docs/attestations/attestation-storage.md; OCI image-spec.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from wherry.oci import sha256_of
from wherry.oci.manifest import Descriptor

__all__ = ["Attested", "attested", "index_of", "statement"]

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
_EMPTY = b"{}"


class Attested(NamedTuple):
    """The manifest of an image's statements: its bytes, and all blobs in it by digest."""

    manifest: bytes
    blobs: dict[str, bytes]


def statement(predicate_type: str, predicate: Any, image: Descriptor, names: Sequence[str]) -> bytes:
    """A claim about an image, which `names` (package URLs) call so."""
    algorithm, _, value = image.digest.partition(":")
    return _json(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "predicateType": predicate_type,
            "subject": [{"name": name, "digest": {algorithm: value}} for name in names or ["_"]],
            "predicate": predicate,
        }
    )


def attested(image: Descriptor, statements: Sequence[tuple[str, bytes]]) -> Attested:
    """`statements` are (predicate type, statement)."""
    blobs = {sha256_of(_EMPTY): _EMPTY}
    layers = []
    for predicate_type, data in statements:
        blobs[sha256_of(data)] = data
        layers.append(
            {
                "mediaType": "application/vnd.in-toto+json",
                "digest": sha256_of(data),
                "size": len(data),
                "annotations": {"in-toto.io/predicate-type": predicate_type},
            }
        )
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "artifactType": "application/vnd.docker.attestation.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.empty.v1+json",
            "digest": sha256_of(_EMPTY),
            "size": len(_EMPTY),
        },
        "layers": layers,
        "subject": {"mediaType": image.media_type, "digest": image.digest, "size": image.size},
    }
    return Attested(_json(manifest), blobs)


def index_of(
    images: Sequence[tuple[Descriptor, Attested | None]], annotations: dict[str, str] | None = None
) -> bytes:
    """`images` have their platforms in their descriptors."""
    entries: list[dict[str, Any]] = []
    for image, _ in images:
        entry: dict[str, Any] = {"mediaType": image.media_type, "digest": image.digest, "size": image.size}
        if image.annotations:
            entry["annotations"] = dict(image.annotations)
        if image.platform is not None:
            platform = image.platform
            entry["platform"] = {"architecture": platform.architecture, "os": platform.os}
            if platform.variant:
                entry["platform"]["variant"] = platform.variant
        entries.append(entry)
    for image, about in images:
        if about is not None:
            entries.append(
                {
                    "mediaType": _MANIFEST,
                    "digest": sha256_of(about.manifest),
                    "size": len(about.manifest),
                    "annotations": {
                        "vnd.docker.reference.digest": image.digest,
                        "vnd.docker.reference.type": "attestation-manifest",
                    },
                    "platform": {"architecture": "unknown", "os": "unknown"},
                }
            )
    whole: dict[str, Any] = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
    if annotations:
        whole["annotations"] = annotations
    return _json(whole)


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogateescape")
