"""What is found in an image, and the documents that say so."""

from __future__ import annotations

import json
import sqlite3
import struct
from pathlib import Path

import pytest

from wherry.build.attest.documents import attested, index_of, statement
from wherry.build.attest.packages import Package, find_packages
from wherry.build.attest.provenance import Times, image_url, material, provenance
from wherry.build.attest.rpm import read_rpms
from wherry.build.attest.spdx import spdx
from wherry.build.request import Request
from wherry.build.sources import File
from wherry.build.sources.memory import MemoryFiles
from wherry.build.sources.spooled import SpooledFiles
from wherry.oci import Platform
from wherry.oci.manifest import Descriptor
from wherry.store.tar import Kind


class _Tree(SpooledFiles):
    """Files by path, in memory."""

    def __init__(self, contents: dict[str, bytes]) -> None:
        super().__init__()
        self._contents = contents
        for path, content in contents.items():
            self._put(File(path, Kind.FILE, 0o644, 0, 0, 0, len(content)), [])

    def read(self, file: File):  # type: ignore[no-untyped-def]
        yield self._contents[file.path]


DPKG = b"""Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9+deb12u9
Description: GNU C Library
 Version: 99 is in a description

Package: gone
Status: deinstall ok config-files
Version: 1
"""
APK = b"P:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\nF:lib\nR:ld.so\n\nP:zlib\nV:1.3.1-r1\nA:x86_64\nL:Zlib\n"


def test_packages_of_every_kind() -> None:
    tree = _Tree(
        {
            "etc/os-release": b'NAME="Debian"\nID=debian\n',
            "var/lib/dpkg/status": DPKG,
            "var/lib/dpkg/status.d/base": b"Package: base-files\nVersion: 12.4\nArchitecture: amd64\n",
            "var/lib/dpkg/status.d/base.md5sums": b"Package: no\nVersion: 1\n",
            "lib/apk/db/installed": APK,
            "usr/lib/python3/dist-packages/Foo_Bar-1.0.dist-info/METADATA": (
                b"Metadata-Version: 2.4\nName: Foo_Bar\nVersion: 1.0\n"
                b"License-Expression: MIT OR Apache-2.0\n\n"
                b"Version: 9\n"
            ),
            "app/node_modules/left/package.json": b'{"name": "left", "version": "1.0.0", "license": "MIT"}',
            "app/node_modules/@scope/x/package.json": b'{"name": "@scope/x", "version": "2.0.0"}',
            "app/package.json": b'{"name": "app", "version": "0.0.0"}',
            "app/node_modules/broken/package.json": b"[" * 100_000,
        }
    )
    found = [(one.kind, one.namespace, one.name, one.version) for one in find_packages(tree)]
    assert found == [
        ("apk", "debian", "musl", "1.2.5-r0"),
        ("apk", "debian", "zlib", "1.3.1-r1"),
        ("deb", "debian", "base-files", "12.4"),
        ("deb", "debian", "libc6", "2.36-9+deb12u9"),
        ("npm", "", "left", "1.0.0"),
        ("npm", "@scope", "x", "2.0.0"),
        ("pypi", "", "foo-bar", "1.0"),
    ]


def test_nothing_in_nothing() -> None:
    assert find_packages(MemoryFiles({})) == []


def _header(**texts: str) -> bytes:
    tags = {"name": 1000, "version": 1001, "release": 1002, "license": 1014, "arch": 1022}
    index, store = b"", b""
    for name, text in texts.items():
        index += struct.pack(">IIII", tags[name], 6, len(store), 1)
        store += text.encode() + b"\0"
    index += struct.pack(">IIII", 1003, 4, len(store), 1)
    store += struct.pack(">I", 2)
    return struct.pack(">II", len(texts) + 1, len(store)) + index + store


def test_rpm(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "rpmdb.sqlite")
    database.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)")
    good = _header(name="bash", version="5.2", release="1.fc40", license="GPL-3.0-or-later", arch="x86_64")
    for blob in (good, _header(name="gpg-pubkey", version="1", release="2")):
        database.execute("INSERT INTO Packages (blob) VALUES (?)", (blob,))
    database.commit()
    database.close()
    data = (tmp_path / "rpmdb.sqlite").read_bytes()
    assert read_rpms(data) == [("bash", "2:5.2-1.fc40", "x86_64", "GPL-3.0-or-later")]
    assert read_rpms(data[:5000]) == []
    assert read_rpms(b"no database") == []


@pytest.mark.parametrize(
    "blob", [b"", b"\xff" * 8, struct.pack(">II", 1, 0), struct.pack(">IIIIII", 1, 9, 1000, 6, 1 << 31, 1)]
)
def test_a_damaged_header(tmp_path: Path, blob: bytes) -> None:
    database = sqlite3.connect(tmp_path / "db")
    database.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)")
    database.execute("INSERT INTO Packages (blob) VALUES (?)", (blob,))
    database.commit()
    database.close()
    assert read_rpms((tmp_path / "db").read_bytes()) == []


def test_spdx() -> None:
    packages = [
        Package("deb", "libc6", "2.36+x", "amd64", "", "debian", "var/lib/dpkg/status"),
        Package("npm", "x", "1", "", "MIT AND ISC", "@s", "a"),
        Package("npm", "y", "1", "", "see LICENSE!", "", "a"),
    ]
    told = spdx(packages, name="x:1", created="2024-01-02T03:04:05Z")
    assert told["spdxVersion"] == "SPDX-2.3" and told == spdx(
        packages, name="x:1", created="2024-01-02T03:04:05Z"
    )
    assert [package["licenseDeclared"] for package in told["packages"]] == [
        "NOASSERTION",
        "MIT AND ISC",
        "NOASSERTION",
    ]
    urls = [package["externalRefs"][0]["referenceLocator"] for package in told["packages"]]
    assert urls == ["pkg:deb/debian/libc6@2.36%2Bx?arch=amd64", "pkg:npm/%40s/x@1", "pkg:npm/y@1"]
    ids = {package["SPDXID"] for package in told["packages"]}
    assert len(ids) == 3 and {one["relatedSpdxElement"] for one in told["relationships"]} == ids


TIMES = Times("id", "2024-01-01T00:00:00Z", "2024-01-01T00:00:01Z")


@pytest.mark.parametrize("version", ["v1", "v0.2"])
def test_what_provenance_tells(version: str) -> None:
    """Arguments and the Dockerfile only when all is wanted; a secret's value never."""
    request = Request(b"FROM x\n", args={"A": "argument"}, secrets={"token": b"value"}, target="t")
    materials = [material("busybox:1", "sha256:" + "a" * 64, "linux/amd64")]
    told = {
        whole: json.dumps(provenance(request, materials, "linux/amd64", TIMES, version=version, whole=whole))
        for whole in (False, True)
    }
    assert "argument" not in told[False] and "argument" in told[True]
    assert "RlJPTSB4Cg==" not in told[False] and "RlJPTSB4Cg==" in told[True]
    for text in told.values():
        assert "value" not in text and '"token"' in text and "a" * 64 in text and '"t"' in text


def test_image_urls() -> None:
    assert image_url("busybox", "linux/amd64") == "pkg:docker/busybox@latest?platform=linux%2Famd64"
    url = image_url("localhost:5000/a/b:1", "linux/arm/v7")
    assert url == "pkg:docker/localhost:5000/a/b@1?platform=linux%2Farm%2Fv7"


def test_documents() -> None:
    platform = Platform(architecture="arm", os="linux", variant="v7")
    image = Descriptor(
        "application/vnd.oci.image.manifest.v1+json", "sha256:" + "a" * 64, 7, platform=platform
    )
    about = attested(image, [("type", statement("type", {"x": 1}, image, ["pkg:docker/x@1"]))])
    manifest = json.loads(about.manifest)
    claim = json.loads(about.blobs[manifest["layers"][0]["digest"]])
    assert claim["subject"] == [{"name": "pkg:docker/x@1", "digest": {"sha256": "a" * 64}}]
    assert about.blobs[manifest["config"]["digest"]] == b"{}"
    index = json.loads(index_of([(image, about)], {"a": "b"}))
    assert index["manifests"][0]["platform"] == {"architecture": "arm", "os": "linux", "variant": "v7"}
    assert index["manifests"][1]["annotations"]["vnd.docker.reference.digest"] == image.digest
    assert index["annotations"] == {"a": "b"}
