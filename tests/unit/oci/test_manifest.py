"""Manifests and indexes: what can be read two ways is refused (CVE-2021-41190)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from wherry.errors import Invalid
from wherry.oci import media_types, parse_index, parse_manifest
from wherry.oci.manifest import parse_document

_DIGEST = "sha256:" + "ab" * 32


def _descriptor(kind: str) -> dict[str, Any]:
    return {"mediaType": kind, "digest": _DIGEST, "size": 3}


def _manifest(**more: Any) -> dict[str, Any]:
    return {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_MANIFEST,
        "config": _descriptor(media_types.OCI_CONFIG),
        "layers": [_descriptor(media_types.OCI_LAYER_GZIP)],
        **more,
    }


def _index(**more: Any) -> dict[str, Any]:
    platform = {"architecture": "amd64", "os": "linux", "os.features": ["x"]}
    entry = {**_descriptor(media_types.OCI_MANIFEST), "platform": platform}
    return {"schemaVersion": 2, "mediaType": media_types.OCI_INDEX, "manifests": [entry], **more}


def _encode(value: object) -> bytes:
    return json.dumps(value).encode()


def test_both_families_are_read() -> None:
    manifest = parse_manifest(_encode(_manifest()), media_types.OCI_MANIFEST)
    assert manifest.layers[0].media_type == media_types.OCI_LAYER_GZIP
    docker = _manifest(mediaType=media_types.DOCKER_MANIFEST)
    assert (
        parse_manifest(_encode(docker), media_types.DOCKER_MANIFEST).media_type == media_types.DOCKER_MANIFEST
    )
    index = parse_index(_encode(_index()))
    assert index.manifests[0].platform is not None
    assert index.manifests[0].platform.os_features == ["x"]


def test_nulls_of_writers_in_go_are_absences() -> None:
    assert parse_manifest(_encode(_manifest(annotations=None, subject=None))).annotations == {}


def test_a_document_without_a_media_type_is_what_it_looks_like() -> None:
    manifest = _manifest()
    del manifest["mediaType"]
    assert parse_manifest(_encode(manifest)).media_type == media_types.OCI_MANIFEST


@pytest.mark.parametrize(
    ("document", "announced"),
    [
        (_manifest(manifests=[]), ""),
        (_manifest(fsLayers=[]), ""),
        (_index(layers=[]), ""),
        (_index(config=_descriptor(media_types.OCI_CONFIG)), ""),
        (_manifest(), media_types.OCI_INDEX),
        (_index(), media_types.OCI_MANIFEST),
        (_manifest(), media_types.DOCKER_MANIFEST),
        (_manifest(mediaType="text/plain"), ""),
        (_manifest(mediaType=7), ""),
        (_manifest(schemaVersion=1), ""),
        (_manifest(layers=[{"mediaType": "x", "digest": "sha256:../../etc", "size": 1}]), ""),
        (_manifest(layers=[{**_descriptor("x"), "size": -1}]), ""),
        ([], ""),
        ("x", ""),
    ],
)
def test_ambiguous_and_malformed_documents_are_refused(document: object, announced: str) -> None:
    with pytest.raises(Invalid):
        parse_document(_encode(document), announced)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 100_000, b" " * (5 << 20)])
def test_bytes_that_are_no_document_are_refused(data: bytes) -> None:
    with pytest.raises(Invalid):
        parse_document(data)


def test_the_wrong_kind_is_refused() -> None:
    with pytest.raises(Invalid):
        parse_manifest(_encode(_index()))
    with pytest.raises(Invalid):
        parse_index(_encode(_manifest()))
