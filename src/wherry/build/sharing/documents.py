"""A cache of builds as a manifest and its configuration, as registries and directories keep it.

The shape is that of BuildKit's caches (an image manifest whose configuration is a list of layers and one of
records), so that whatever stores and copies those does the same with these. The keys in the records are
those of `wherry.build.step`, which BuildKit does not know, as we do not know its own: each tool finds only
what it has put there itself. What our steps need besides is in the member `wherry` of each record.

An image can carry the records of its own layers (an inline cache): in its configuration, under `INLINE`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from wherry.errors import Invalid
from wherry.oci import media_types, sha256_of
from wherry.oci.digest import check_digest, is_digest
from wherry.oci.manifest import Descriptor, Manifest, encode_document

__all__ = ["CONFIG_TYPE", "INLINE", "Record", "cache_documents", "inlined", "read_inlined", "read_records"]

CONFIG_TYPE = "application/vnd.buildkit.cacheconfig.v0"
INLINE = "wherry.build.cache.v1"
UNCOMPRESSED = "containerd.io/uncompressed"
_MOST = 100_000  # records


class Record(NamedTuple):
    """What came of one step: see `wherry.build.cache`. `diff_id` is empty when it changed no file."""

    key: str
    diff_id: str
    created: str
    step: str
    kind: str
    parent: str


def cache_documents(records: Iterable[Record], blobs: Mapping[str, Descriptor]) -> tuple[bytes, bytes]:
    """(configuration, manifest) of a cache; `blobs` by diff id. The same records give the same bytes."""
    chosen = sorted(set(records))
    diff_ids = sorted({record.diff_id for record in chosen if record.diff_id})
    place = {diff_id: number for number, diff_id in enumerate(diff_ids)}
    config = msgspec.json.encode(
        {
            "layers": [
                {
                    "blob": blobs[diff_id].digest,
                    "parent": -1,
                    "annotations": {
                        "mediaType": blobs[diff_id].media_type,
                        "diffID": diff_id,
                        "size": blobs[diff_id].size,
                    },
                }
                for diff_id in diff_ids
            ],
            "records": [
                {
                    "digest": f"sha256:{record.key}",
                    **({"layers": [{"layer": place[record.diff_id]}]} if record.diff_id else {}),
                    "wherry": _told(record),
                }
                for record in chosen
            ],
        }
    )
    manifest = Manifest(
        schema_version=2,
        media_type=media_types.OCI_MANIFEST,
        config=Descriptor(media_type=CONFIG_TYPE, digest=sha256_of(config), size=len(config)),
        layers=[
            Descriptor(
                media_type=blobs[diff_id].media_type,
                digest=blobs[diff_id].digest,
                size=blobs[diff_id].size,
                annotations={UNCOMPRESSED: diff_id},
            )
            for diff_id in diff_ids
        ],
    )
    return config, encode_document(manifest)


def read_records(config: bytes, manifest: Manifest) -> tuple[list[Record], dict[str, Descriptor]]:
    """The records in a cache's configuration, and its blobs by diff id. Raises Invalid when it is malformed;
    records of other tools are passed over."""
    blobs = {
        diff_id: layer
        for layer in manifest.layers
        if is_digest(diff_id := layer.annotations.get(UNCOMPRESSED, "")) and is_digest(layer.digest)
    }
    listed = _decoded(config).get("records")
    records = []
    for item in listed if isinstance(listed, list) else ():
        if not isinstance(item, dict) or not isinstance(item.get("wherry"), dict):
            continue
        key = str(item.get("digest", "")).removeprefix("sha256:")
        record = _record(key, item["wherry"])
        if not record.diff_id or record.diff_id in blobs:
            records.append(record)
    return records, blobs


def inlined(config: bytes, records: Iterable[Record]) -> bytes:
    """An image's configuration with the records of its own layers in it."""
    fields = _decoded(config)
    fields[INLINE] = [{"key": record.key, **_told(record)} for record in sorted(set(records))]
    return msgspec.json.encode(fields, order="deterministic")


def read_inlined(config: bytes) -> list[Record]:
    """The records that an image's configuration has; none when it has none. Raises Invalid."""
    listed = _decoded(config).get(INLINE)
    if not isinstance(listed, list) or len(listed) > _MOST:
        return []
    return [_record(str(item.get("key", "")), item) for item in listed if isinstance(item, dict)]


def _decoded(config: bytes) -> dict[str, Any]:
    try:
        fields = msgspec.json.decode(config)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Invalid(f"malformed cache of builds: {error}") from None
    if not isinstance(fields, dict):
        raise Invalid("malformed cache of builds: not a JSON object")
    return fields


def _told(record: Record) -> dict[str, str]:
    told = record._asdict()
    del told["key"]
    return told


def _record(key: str, told: dict[str, Any]) -> Record:
    check_digest(f"sha256:{key}")
    diff_id = str(told.get("diff_id", ""))
    if diff_id:
        check_digest(diff_id)
    rest = (str(told.get(name, ""))[:500] for name in ("created", "step", "kind", "parent"))
    return Record(key, diff_id, *rest)
