"""Descriptors, manifests and indexes (OCI image-spec 1.1: descriptor.md, manifest.md, image-index.md).

A document that could be read as two things is refused: a manifest with a `manifests` field, an index with
`config` or `layers`, a `mediaType` other than the one it was announced under (CVE-2021-41190).
"""

from __future__ import annotations

import msgspec

from wherry.errors import Invalid
from wherry.oci import media_types
from wherry.oci.digest import check_digest

__all__ = [
    "Descriptor",
    "Index",
    "Manifest",
    "Platform",
    "encode_document",
    "parse_document",
    "parse_index",
    "parse_manifest",
]

MAX_DOCUMENT = 4 * 1024 * 1024  # what the distribution specification asks registries to accept


class Platform(msgspec.Struct, omit_defaults=True, frozen=True):
    architecture: str = ""
    os: str = ""
    os_version: str = msgspec.field(name="os.version", default="")
    os_features: list[str] = msgspec.field(name="os.features", default_factory=list)
    variant: str = ""


class Descriptor(msgspec.Struct, omit_defaults=True, frozen=True, rename="camel"):
    """What points at a blob: its type, its digest, its size in bytes."""

    media_type: str
    digest: str
    size: int
    urls: list[str] = []
    annotations: dict[str, str] = {}
    platform: Platform | None = None
    artifact_type: str = ""
    data: str = ""


class Manifest(msgspec.Struct, omit_defaults=True, frozen=True, rename="camel"):
    """One image of one platform: its configuration and its layers, lowest first."""

    schema_version: int
    config: Descriptor
    layers: list[Descriptor]
    media_type: str = media_types.OCI_MANIFEST
    artifact_type: str = ""
    subject: Descriptor | None = None
    annotations: dict[str, str] = {}


class Index(msgspec.Struct, omit_defaults=True, frozen=True, rename="camel"):
    """Several manifests (or indexes) under one name, usually one for each platform."""

    schema_version: int
    manifests: list[Descriptor]
    media_type: str = media_types.OCI_INDEX
    artifact_type: str = ""
    subject: Descriptor | None = None
    annotations: dict[str, str] = {}


def parse_manifest(data: bytes, media_type: str = "") -> Manifest:
    """The manifest in `data`, announced as `media_type` (empty: not announced). Raises Invalid."""
    document = parse_document(data, media_type)
    if isinstance(document, Index):
        raise Invalid("an index where an image manifest was expected")
    return document


def parse_index(data: bytes, media_type: str = "") -> Index:
    """The index in `data`, announced as `media_type` (empty: not announced). Raises Invalid."""
    document = parse_document(data, media_type)
    if isinstance(document, Manifest):
        raise Invalid("an image manifest where an index was expected")
    return document


def parse_document(data: bytes, media_type: str = "") -> Manifest | Index:
    """The manifest or index in `data`. Raises Invalid for anything malformed or ambiguous."""
    if len(data) > MAX_DOCUMENT:
        raise Invalid(f"manifest of {len(data)} bytes is larger than {MAX_DOCUMENT}")
    try:
        fields = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(f"manifest is not valid JSON: {error}") from error
    if not isinstance(fields, dict):
        raise Invalid("manifest is not a JSON object")
    stated = _stated_type(fields, media_type)
    is_index = stated in media_types.INDEXES if stated else "manifests" in fields
    if stated and stated not in media_types.MANIFESTS | media_types.INDEXES:
        raise Invalid(f"unsupported manifest media type {stated[:120]!r}")
    foreign = (
        {"config", "layers", "fsLayers", "history"} if is_index else {"manifests", "fsLayers", "history"}
    )
    if found := sorted(foreign & fields.keys()):
        kind = "index" if is_index else "image manifest"
        raise Invalid(f"ambiguous manifest: an {kind} with the field {found[0]!r}")
    fields["mediaType"] = stated or (media_types.OCI_INDEX if is_index else media_types.OCI_MANIFEST)
    document = _convert(fields, Index if is_index else Manifest)
    if document.schema_version != 2:
        raise Invalid(f"unsupported manifest schema version {document.schema_version}")
    parts = document.manifests if isinstance(document, Index) else [document.config, *document.layers]
    for part in parts:
        check_digest(part.digest)
        if part.size < 0:
            raise Invalid(f"descriptor {part.digest} has a negative size")
    return document


def encode_document(document: Manifest | Index) -> bytes:
    """The bytes of a new document, its media type always said: Docker's clients want to see it."""
    fields = msgspec.to_builtins(document)
    return msgspec.json.encode(
        {"schemaVersion": 2, "mediaType": document.media_type, **fields}, order="deterministic"
    )


def _stated_type(fields: dict[str, object], announced: str) -> str:
    inner = fields.get("mediaType", "")
    if not isinstance(inner, str):
        raise Invalid("manifest mediaType is not a string")
    announced = announced.partition(";")[0].strip()
    if inner and announced and inner != announced:
        raise Invalid(f"manifest calls itself {inner[:120]!r} but was announced as {announced[:120]!r}")
    return inner or announced


def _convert(fields: dict[str, object], kind: type[Manifest] | type[Index]) -> Manifest | Index:
    # Writers in Go emit null for absent lists and maps.
    present = {key: value for key, value in fields.items() if value is not None}
    try:
        return msgspec.convert(present, kind)
    except msgspec.ValidationError as error:
        raise Invalid(f"malformed manifest: {error}") from error
