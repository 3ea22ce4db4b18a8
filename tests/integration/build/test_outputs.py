"""Where builds go: archives, directories, registries, several at once, with every compression."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import tarfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard

from tests.harness.command import Command
from tests.harness.registry import RegistryUnderTest
from tests.integration.build.conftest import Build

pytestmark = [pytest.mark.needs("root")]

TEXT = "FROM BASE\nCOPY a /a\nRUN echo x > /x && rm /a\nLABEL l=1\n"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RegistryUnderTest]:
    home = tmp_path / "registry"
    home.mkdir()
    with RegistryUnderTest(home) as running:
        yield running


def _manifest(layout: Path) -> dict[str, Any]:
    index = json.loads((layout / "index.json").read_text())
    return _blob(layout, index["manifests"][0])


def _blob(layout: Path, descriptor: dict[str, Any]) -> dict[str, Any]:
    data = (layout / "blobs" / descriptor["digest"].replace(":", "/")).read_bytes()
    assert len(data) == descriptor["size"]
    found: dict[str, Any] = json.loads(data)
    return found


@pytest.mark.parametrize(
    ("options", "ending", "unpack"),
    [
        ("", "+gzip", gzip.decompress),
        ("compression=gzip,compression-level=9", "+gzip", gzip.decompress),
        ("compression=zstd,compression-level=3", "+zstd", lambda data: zstandard.decompress(data, 1 << 26)),
        ("compression=uncompressed", ".tar", bytes),
        ("oci-mediatypes=false", "diff.tar.gzip", gzip.decompress),
    ],
)
def test_a_layout_has_the_layers_compressed_as_asked(
    build: Build, tmp_path: Path, options: str, ending: str, unpack: Any
) -> None:
    layout = tmp_path / "layout"
    meta = tmp_path / "meta"
    image = build(
        TEXT,
        "-t",
        "out:1",
        f"--output=type=oci,tar=false,dest={layout},{options}".rstrip(","),
        f"--metadata-file={meta}",
    ).line
    manifest = _manifest(layout)
    assert manifest["config"]["digest"] == image
    config = _blob(layout, manifest["config"])
    for layer, diff_id in zip(manifest["layers"], config["rootfs"]["diff_ids"], strict=True):
        assert layer["mediaType"].endswith(ending)
        data = unpack((layout / "blobs" / layer["digest"].replace(":", "/")).read_bytes())
        digest = subprocess.run(["sha256sum"], input=data, capture_output=True, check=True).stdout.split()[0]
        assert f"sha256:{digest.decode()}" == diff_id
        tarfile.open(fileobj=io.BytesIO(data)).getmembers()
    said = json.loads(meta.read_text())
    assert said["containerimage.config.digest"] == image
    assert said["containerimage.descriptor"]["digest"] == said["containerimage.digest"]
    assert said["image.name"] == "docker.io/library/out:1"


def test_several_at_once(build: Build, wherry: Command, tmp_path: Path, registry: RegistryUnderTest) -> None:
    name = f"{registry.address}/a/b:1"
    build(
        TEXT,
        f"--output={tmp_path / 'files'}",
        f"--output=type=tar,dest={tmp_path / 'files.tar'}",
        f"--output=type=docker,name=saved:2,dest={tmp_path / 'image.tar'}",
        f'--output=type=image,"name={name},copy:1",push=false',
        f"--output=type=registry,name={name},compression=zstd,force-compression=true",
    )
    assert (tmp_path / "files" / "x").read_text() == "x\n"
    with tarfile.open(tmp_path / "files.tar") as archive:
        assert "x" in archive.getnames() and "a" not in archive.getnames()
    assert "saved:2" in wherry("load", "-i", str(tmp_path / "image.tar")).out
    ids = {wherry("inspect", "-f", "{{.Id}}", one).line for one in ("saved:2", "copy:1", name)}
    assert len(ids) == 1
    request = urllib.request.Request(
        f"{registry.url}/v2/a/b/manifests/1", headers={"Accept": "application/vnd.oci.image.manifest.v1+json"}
    )
    with urllib.request.urlopen(request) as answer:
        manifest = json.load(answer)
    assert {layer["mediaType"].rpartition("+")[2] for layer in manifest["layers"]} == {"zstd"}


def test_standard_output_load_and_push(
    build: Build, wherry: Command, context: Path, tmp_path: Path, registry: RegistryUnderTest
) -> None:
    (context / "Dockerfile").write_text("FROM scratch\nCOPY a /only\n")
    done = wherry.raw("build", "-q", "-o", "-", str(context))
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        assert archive.getnames() == ["only"]
    build(TEXT, "-o", f"{tmp_path / 'files'}", "--load", "-t", "loaded:1")
    assert wherry("inspect", "-f", "{{.Config.Labels.l}}", "loaded:1").line == "1"
    assert "needs a name" in build(TEXT, "--push", code=1).err
    name = f"{registry.address}/pushed:1"
    build(TEXT, "--push", "-t", name)
    with urllib.request.urlopen(f"{registry.url}/v2/pushed/tags/list") as answer:
        assert json.load(answer)["tags"] == ["1"]
    meta = tmp_path / "meta"
    build(
        TEXT,
        f"--output=type=image,name={registry.address}/only,push-by-digest=true,push=true",
        f"--metadata-file={meta}",
    )
    digest = json.loads(meta.read_text())["containerimage.digest"]
    with urllib.request.urlopen(f"{registry.url}/v2/only/manifests/{digest}") as answer:
        assert answer.status == 200


def test_squash_leaves_one_layer_that_hides_what_went(build: Build, wherry: Command) -> None:
    text = "FROM BASE\nRUN echo 1 > /one && mkdir /d && echo 2 > /d/two\nRUN rm /one /bin/vi; echo 3 > /d/3\n"
    plain = build(text).line
    image = build(text, "--squash").line
    assert build(text, "--squash").line == image, "from the cache"
    layers = "{{len .RootFS.Layers}}"
    assert (wherry("inspect", "-f", layers, plain).line, wherry("inspect", "-f", layers, image).line) == (
        "3",
        "2",
    )
    seen = ("run", "--rm", "--network=none")
    look = (
        "sh",
        "-c",
        "cd / && find . -xdev -type f ! -path './proc/*' ! -path './sys/*' ! -path './etc/*' | sort",
    )
    assert wherry(*seen, image, *look).out == wherry(*seen, plain, *look).out
    assert "squashed 2 layers" in wherry("history", "--no-trunc", image).out


def test_what_no_output_understands_is_said(build: Build, tmp_path: Path) -> None:
    for option, said in (
        ("type=oci,compression=brotli", "unsupported layer compression"),
        ("type=oci,compression=estargz", "not supported"),
        ("type=oci,compression-level=11", "no compression level 11"),
        ("type=image,push=perhaps", "push is true or false"),
        ("type=image,push=true", "needs a name"),
        ("type=local", "dest is required"),
        ("type=nothing", "unknown output type"),
    ):
        dest = "" if "local" in option or "image" in option else f",dest={tmp_path / 'x'}"
        assert said in build("FROM scratch\n", f"--output={option}{dest}", code=1).err, option
    assert not (tmp_path / "x").exists()
