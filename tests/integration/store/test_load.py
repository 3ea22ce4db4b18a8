"""Image archives as they come: old and new layouts, damaged ones, hostile ones."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import os
import tarfile
import threading
from collections.abc import Callable
from typing import Any

import pytest
import zstandard

from wherry.errors import Invalid, WherryError
from wherry.oci import ImageConfig, RootFS, encode_image_config, media_types
from wherry.store import Store
from wherry.store.machine import architecture
from wherry.store.tar import Kind, TarEntry, end_of_archive, header, padding

Files = dict[str, bytes]


def _layer(text: str) -> bytes:
    data = text.encode()
    entry = TarEntry(f"{text}.txt".encode(), Kind.FILE, size=len(data))
    return header(entry) + data + padding(len(data)) + end_of_archive()


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _config(*layers: bytes, **more: Any) -> bytes:
    return encode_image_config(
        ImageConfig(
            architecture=architecture()[0],
            rootfs=RootFS(diff_ids=[_digest(layer) for layer in layers]),
            **more,
        )
    )


def _tar(files: Files, links: dict[str, str] | None = None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def _legacy(**overrides: Any) -> tuple[Files, bytes]:
    """What `docker save` wrote before version 25."""
    config = _config(_layer("one"), _layer("two"))
    entry = {
        "Config": f"{_digest(config)[7:]}.json",
        "RepoTags": ["old:1"],
        "Layers": ["aaa/layer.tar", "bbb/layer.tar"],
    }
    files = {
        "aaa/VERSION": b"1.0",
        "aaa/json": b"{}",
        "aaa/layer.tar": _layer("one"),
        "bbb/VERSION": b"1.0",
        "bbb/json": b"{}",
        "bbb/layer.tar": _layer("two"),
        f"{_digest(config)[7:]}.json": config,
        "manifest.json": json.dumps([{**entry, **overrides}]).encode(),
        "repositories": b'{"old":{"1":"bbb"}}',
    }
    return files, config


def _oci(
    pack: Callable[[bytes], bytes] = lambda data: data,
    layer_type: str = media_types.OCI_LAYER,
    annotations: dict[str, str] | None = None,
) -> tuple[Files, bytes]:
    config = _config(_layer("one"), _layer("two"))
    blobs = [pack(_layer("one")), pack(_layer("two"))]
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": media_types.OCI_MANIFEST,
            "config": {"mediaType": media_types.OCI_CONFIG, "digest": _digest(config), "size": len(config)},
            "layers": [
                {"mediaType": layer_type, "digest": _digest(blob), "size": len(blob)} for blob in blobs
            ],
        }
    ).encode()
    descriptor = {"mediaType": media_types.OCI_MANIFEST, "digest": _digest(manifest), "size": len(manifest)}
    if annotations:
        descriptor["annotations"] = annotations
    index = json.dumps({"schemaVersion": 2, "manifests": [descriptor]}).encode()
    files = {f"blobs/sha256/{_digest(blob)[7:]}": blob for blob in [*blobs, config, manifest]}
    return {**files, "index.json": index, "oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}, config


def _load(store: Store, archive: bytes) -> list[tuple[str, tuple[str, ...]]]:
    pieces = [archive[start : start + 5000] for start in range(0, len(archive), 5000)]
    return [(loaded.image.id, loaded.names) for loaded in store.load(pieces)]


def _is_empty(store: Store) -> bool:
    store.layers.collect()
    store.layers.settle()
    return os.listdir(f"{store.state_dir}/layers") == [] and store.database.all("SELECT 1 FROM images") == []


def test_docker_s_old_layout(store: Store) -> None:
    files, config = _legacy()
    assert _load(store, _tar(files)) == [(_digest(config), ("old:1",))]
    assert store.images.resolve("old:1").layers == (_digest(_layer("one")), _digest(_layer("two")))


def test_layers_that_are_links_to_others(store: Store) -> None:
    config = _config(_layer("one"), _layer("one"))
    files, _ = _legacy(Config="c.json")
    files["c.json"] = config
    del files["bbb/layer.tar"]
    assert _load(store, _tar(files, {"bbb/layer.tar": "../aaa/layer.tar"})) == [(_digest(config), ("old:1",))]


def test_links_in_a_circle(store: Store) -> None:
    files, _ = _legacy()
    del files["bbb/layer.tar"]
    with pytest.raises(Invalid, match="circle"):
        _load(store, _tar(files, {"bbb/layer.tar": "x", "bbb/x": "layer.tar"}))
    assert _is_empty(store)


@pytest.mark.parametrize("outer", [lambda data: data, gzip.compress, zstandard.ZstdCompressor().compress])
@pytest.mark.parametrize("inner", [lambda data: data, gzip.compress, zstandard.ZstdCompressor().compress])
def test_the_oci_layout_with_any_compression(
    store: Store, outer: Callable[[bytes], bytes], inner: Callable[[bytes], bytes]
) -> None:
    files, config = _oci(inner, annotations={"io.containerd.image.name": "docker.io/library/app:2"})
    assert _load(store, outer(_tar(files))) == [(_digest(config), ("app:2",))]


@pytest.mark.parametrize(
    ("annotations", "names"),
    [
        ({"org.opencontainers.image.ref.name": "v1"}, ()),
        ({"org.opencontainers.image.ref.name": "localhost/app:v1"}, ("localhost/app:v1",)),
        ({"org.opencontainers.image.ref.name": "app:v1"}, ("app:v1",)),
        ({}, ()),
    ],
)
def test_names_in_the_oci_layout(store: Store, annotations: dict[str, str], names: tuple[str, ...]) -> None:
    files, config = _oci(annotations=annotations)
    assert _load(store, _tar(files)) == [(_digest(config), names)]


def _with_index(files: Files, platforms: list[dict[str, str] | None]) -> Files:
    index = json.loads(files["index.json"])
    manifests = []
    for platform in platforms:
        descriptor = dict(index["manifests"][0])
        if platform:
            descriptor["platform"] = platform
        manifests.append(descriptor)
    inner = json.dumps(
        {"schemaVersion": 2, "mediaType": media_types.OCI_INDEX, "manifests": manifests}
    ).encode()
    outer = {
        "schemaVersion": 2,
        "manifests": [{"mediaType": media_types.OCI_INDEX, "digest": _digest(inner), "size": len(inner)}],
    }
    return {**files, f"blobs/sha256/{_digest(inner)[7:]}": inner, "index.json": json.dumps(outer).encode()}


def test_an_index_gives_this_machine_s_image(store: Store) -> None:
    files, config = _oci()
    mine = {"os": "linux", "architecture": architecture()[0]}
    other = {"os": "linux", "architecture": "pdp11"}
    attestation = {"os": "unknown", "architecture": "unknown"}
    assert _load(store, _tar(_with_index(files, [attestation, other, mine]))) == [(_digest(config), ())]
    assert _load(store, _tar(_with_index(files, [other, attestation]))) == [(_digest(config), ())]
    with pytest.raises(Invalid, match="no image for this platform"):
        _load(store, _tar(_with_index(files, [other, other])))


def test_indexes_nested_without_end_are_refused(store: Store) -> None:
    files, _ = _oci()
    for _ in range(6):
        files = _with_index(files, [None])
        index = json.loads(files["index.json"])
        files["index.json"] = json.dumps(index).encode()
    with pytest.raises(Invalid, match="nested too deep"):
        _load(store, _tar(files))
    assert _is_empty(store)


def _changed(files: Files, name: str, data: bytes | None) -> Files:
    changed = dict(files)
    if data is None:
        del changed[name]
    else:
        changed[name] = data
    return changed


def _legacy_with(name: str, data: bytes | None) -> bytes:
    return _tar(_changed(_legacy()[0], name, data))


def _oci_with(name: str, data: bytes | None) -> bytes:
    return _tar(_changed(_oci()[0], name, data))


def _damaged() -> list[tuple[str, bytes, str]]:
    oci, config = _oci()
    blob = f"blobs/sha256/{_digest(_layer('two'))[7:]}"
    config_name = f"blobs/sha256/{_digest(config)[7:]}"
    manifests = [
        name for name, data in oci.items() if b'"config"' in data and b'"layers"' in data and "blobs" in name
    ]
    return [
        ("a layer is missing", _legacy_with("bbb/layer.tar", None), "lacks the layer 'bbb/layer.tar'"),
        ("a layer is another", _legacy_with("bbb/layer.tar", _layer("x")), "invalid diffID for layer 1"),
        ("a layer is noise", _legacy_with("bbb/layer.tar", b"x" * 999), "lacks the layer"),
        ("a layer is damaged", _legacy_with("bbb/layer.tar", _layer("two")[:600]), "end of archive"),
        ("too few layers", _tar(_legacy(Layers=["aaa/layer.tar"])[0]), "layers length mismatch"),
        ("no configuration", _tar(_legacy(Config="x.json")[0]), "lacks 'x.json'"),
        ("a configuration outside", _tar(_legacy(Config="../../etc/passwd")[0]), "lacks"),
        ("a bad name", _tar(_legacy(RepoTags=["UPPER:1"])[0]), "must be lowercase"),
        ("manifest.json is no list", _legacy_with("manifest.json", b"{}"), "malformed manifest.json"),
        ("manifest.json is empty", _legacy_with("manifest.json", b"[]"), "no image for this platform"),
        ("a blob is another", _oci_with(blob, _layer("x")), "has the digest"),
        ("the config is another", _oci_with(config_name, _config()), "other content than its name"),
        ("the manifest is another", _oci_with(manifests[0], b"{}"), "other content than its name"),
        ("a packed blob is another", _oci_with(blob, gzip.compress(_layer("two"))), "other content"),
        ("cut", _tar(oci)[:3000], "end of archive"),
        ("a root filesystem", _tar({"bin/sh": b"x", "etc/passwd": b"y"}), "unrecognized image format"),
        ("nothing", b"", "unrecognized image format"),
        ("noise", b"noise" * 1000, "checksum|number"),
        ("windows", _tar(_os("windows")), "is for 'windows'"),
    ]


def _os(name: str) -> Files:
    files, config = _legacy()
    changed = config.replace(b'"os":"linux"', f'"os":"{name}"'.encode())
    return {**files, f"{_digest(config)[7:]}.json": changed}


@pytest.mark.parametrize(("what", "archive", "message"), _damaged(), ids=[what for what, *_ in _damaged()])
def test_what_is_damaged_is_refused_and_leaves_nothing(
    store: Store, what: str, archive: bytes, message: str
) -> None:
    with pytest.raises(Invalid, match=message.replace("(", r"\(")):
        _load(store, archive)
    assert _is_empty(store)


def test_an_error_of_the_sender_leaves_nothing(store: Store) -> None:
    def broken() -> Any:
        yield _tar(_legacy()[0])[:2000]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        list(store.load(broken()))
    assert _is_empty(store)


def test_the_same_image_loaded_by_many_at_once(store: Store) -> None:
    archives = [_tar(_oci()[0]), _tar(_legacy()[0])]
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for _ in range(10):
                _load(store, archives[number % 2])
                if number == 3:
                    with contextlib.suppress(WherryError):
                        store.images.remove("old:1", force=True)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors
    for archive in archives:
        _load(store, archive)
    image = store.images.resolve("old:1")
    for diff_id in image.layers:
        assert sum(map(len, store.layers.archive(diff_id)))
    assert len(os.listdir(f"{store.state_dir}/layers")) == 2
