"""Attestations, annotations and several platforms: an index in an archive or a registry, and back again."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.command import Command
from tests.harness.engine import EngineUnderTest
from tests.harness.registry import RegistryUnderTest

pytestmark = [pytest.mark.needs("root", "busybox")]

TEXT = """
FROM busybox
ARG TOLD
RUN mkdir -p /lib/apk/db && printf 'P:musl\\nV:1.2\\nA:x86_64\\nL:MIT\\n' > /lib/apk/db/installed
"""
PLATFORMS = """
FROM scratch
ARG TARGETPLATFORM TARGETARCH BUILDPLATFORM
COPY a /$TARGETARCH
LABEL is=$TARGETPLATFORM
"""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a registry of ours listens."""
    with RegistryUnderTest(tmp_path_factory.mktemp("registry")) as running:
        yield running.address


def _document(archive: tarfile.TarFile, digest: str) -> Any:
    stream = archive.extractfile(f"blobs/{digest.replace(':', '/')}")
    assert stream is not None
    return json.loads(stream.read())


def _layout(path: Path) -> tuple[Any, dict[str, Any]]:
    """The index, and every JSON blob by digest."""
    with tarfile.open(path) as archive:
        top = json.loads(archive.extractfile("index.json").read())  # type: ignore[union-attr]
        documents = {}
        for name in archive.getnames():
            if name.startswith("blobs/sha256/"):
                digest = "sha256:" + name.rpartition("/")[2]
                try:
                    documents[digest] = _document(archive, digest)
                except ValueError:
                    pass  # a layer
        return documents[top["manifests"][0]["digest"]], documents


def test_an_archive(wherry: Command, context: Path, tmp_path: Path) -> None:
    (context / "Dockerfile").write_text(TEXT)
    out = tmp_path / "image.tar"
    build = (
        "build",
        "--build-arg=TOLD=argument",
        "--sbom=true",
        "--attest=type=provenance,mode=max",
        str(context),
    )
    notes = ("--annotation=a=b", "--annotation=index:c=d", "--annotation=manifest-descriptor:e=f")
    wherry(*build, *notes, "-t", "attested:1", "-o", f"type=oci,dest={out}")
    index, documents = _layout(out)
    image, about = index["manifests"]
    assert index["annotations"] == {"c": "d"} and image["annotations"] == {"e": "f"}
    assert documents[image["digest"]]["annotations"] == {"a": "b"}
    assert about["platform"] == {"architecture": "unknown", "os": "unknown"}
    assert about["annotations"]["vnd.docker.reference.type"] == "attestation-manifest"
    claims = [documents[layer["digest"]] for layer in documents[about["digest"]]["layers"]]
    for claim in claims:
        assert "sha256:" + claim["subject"][0]["digest"]["sha256"] == image["digest"]
        assert claim["subject"][0]["name"].startswith("pkg:docker/attested@1")
    listed, made = (claim["predicate"] for claim in claims)
    assert [package["name"] for package in listed["packages"]] == ["musl"]
    assert made["buildDefinition"]["externalParameters"]["request"]["args"]["build-arg:TOLD"] == "argument"
    assert made["buildDefinition"]["resolvedDependencies"][0]["uri"].startswith("pkg:docker/busybox@latest")
    wherry("rmi", "attested:1")
    assert "attested:1" in wherry("load", "-i", str(out)).out
    wherry("run", "--rm", "attested:1", "test", "-e", "/lib/apk/db/installed")


def test_a_registry(wherry: Command, context: Path, registry: str) -> None:
    (context / "Dockerfile").write_text(TEXT)
    name = f"{registry}/attested:1"
    wherry("build", "--provenance=version=v0.2", "--push", "-t", name, str(context))
    index = json.loads(wherry("manifest", "inspect", name).out)
    assert [one["platform"]["os"] for one in index["manifests"]] == ["linux", "unknown"]
    wherry("rmi", name)
    wherry("pull", name)
    wherry("run", "--rm", name, "test", "-e", "/lib/apk/db/installed")


def test_several_platforms(wherry: Command, engine: EngineUnderTest, context: Path, registry: str) -> None:
    (context / "Dockerfile").write_text(PLATFORMS)
    name = f"{registry}/several:1"
    before = engine.api("GET", "/images/json?all=1")[1]
    wherry("build", "--platform=linux/amd64,linux/arm64,linux/arm/v7", "--push", "-t", name, str(context))
    assert engine.api("GET", "/images/json?all=1")[1] == before
    index = json.loads(wherry("manifest", "inspect", name).out)
    platforms = [one["platform"] for one in index["manifests"]]
    assert [(one["architecture"], one.get("variant", "")) for one in platforms] == [
        ("amd64", ""),
        ("arm64", ""),
        ("arm", "v7"),
    ]
    wherry("pull", "--platform=linux/arm64", name)
    told = engine.api("GET", f"/images/{name}/json")[1]
    assert told["Architecture"] == "arm64" and told["Config"]["Labels"] == {"is": "linux/arm64"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--sbom=true",), "need an index"),
        (("--platform=linux/amd64,linux/arm64",), "need an index"),
        (("--attest=type=nothing", "-o", "type=oci,dest=x"), "unknown attestation type"),
        (("--attest=mode=max",), "type is missing"),
        (("--provenance=mode=most", "-o", "type=oci,dest=x"), "mode=most is not known"),
        (("--annotation=nothing", "-o", "type=oci,dest=x"), "invalid annotation"),
        (("--platform=nothing",), "invalid platform"),
    ],
)
def test_refusals(wherry: Command, context: Path, options: tuple[str, ...], words: str) -> None:
    (context / "Dockerfile").write_text("FROM scratch\nCOPY a /\n")
    assert words in wherry("build", *options, str(context), code=1).err


def test_a_program_of_another_machine(wherry: Command, context: Path) -> None:
    """It is refused before its image is asked for; what needs no program is not."""
    words = "RUN in an image for s390x can't be carried out on this machine"
    (context / "Dockerfile").write_text("FROM localhost:1/nothing\nCOPY a /\nRUN /a\n")
    said = wherry("build", "--platform=linux/s390x", str(context), code=1).err
    assert words in said and "qemu-user-static" in said and "localhost:1" not in said.partition(words)[2]
    (context / "Dockerfile").write_text(
        "FROM --platform=linux/s390x scratch AS one\nCOPY a /\nFROM one\nRUN /a\n"
    )
    said = wherry("build", str(context), code=1).err
    assert words in said and "COPY a /" in said.partition(words)[0]
    assert "FROM --platform=$BUILDPLATFORM" in said
