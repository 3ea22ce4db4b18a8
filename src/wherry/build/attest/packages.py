"""Packages in a tree of files, by the databases that their installers keep there. Blocking."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator
from email.parser import HeaderParser
from typing import NamedTuple

from wherry.build.attest.rpm import read_rpms
from wherry.build.sources import File, Files
from wherry.store.tar import Kind

__all__ = ["Package", "find_packages"]

_LARGEST = 64 << 20  # bytes of one database
_MANIFEST = 1 << 20  # bytes of one package's own description
_DPKG, _DPKG_PARTS = "var/lib/dpkg/status", "var/lib/dpkg/status.d"
_APK = ("lib/apk/db/installed", "usr/lib/apk/db/installed")
_RPM = ("var/lib/rpm/rpmdb.sqlite", "usr/lib/sysimage/rpm/rpmdb.sqlite", "usr/share/rpm/rpmdb.sqlite")
_PYTHON = re.compile(r".*/(?:site|dist)-packages/[^/]+\.(?:dist-info/METADATA|egg-info/PKG-INFO|egg-info)")
_NODE = re.compile(r"(?:.*/)?node_modules/(?:@[^/]+/)?[^/]+/package\.json")
_WALKED = ("usr", "opt", "app", "srv", "home", "root", "lib", "var", "workspace", "src", "node_modules")


class Package(NamedTuple):
    """`kind` is a package URL's type (deb, apk, rpm, pypi, npm); `namespace` a distribution or a scope;
    `place` is where its record was found. Unknown texts are empty."""

    kind: str
    name: str
    version: str
    architecture: str = ""
    license: str = ""
    namespace: str = ""
    place: str = ""


def find_packages(files: Files) -> list[Package]:
    """All of them, in a fixed order, each once. A damaged database has no packages."""
    system = _distribution(files)
    found: list[Package] = []
    found += _dpkg(files, system)
    for path in _APK:
        found += _apk(_text(files, path), system, path)
    for path in _RPM:
        file = files.find(path)
        if file is not None and file.kind == Kind.FILE and file.size <= _LARGEST:
            for rpm in read_rpms(b"".join(files.read(file))):
                found.append(Package("rpm", *rpm, namespace=system, place=path))
    top = [file for file in files.children("") if file.path in _WALKED]
    for file in top:
        if file.is_directory:
            for one in files.walk(file.path):
                package = _of_language(files, one)
                if package is not None:
                    found.append(package)
    return sorted(set(found))


def _distribution(files: Files) -> str:
    """The ID of os-release."""
    for path in ("etc/os-release", "usr/lib/os-release"):
        match = re.search(r'(?m)^ID="?([\w.-]+)"?', _text(files, path))
        if match:
            return match[1]
    return ""


def _dpkg(files: Files, system: str) -> Iterator[Package]:
    places = [
        _DPKG,
        *(file.path for file in _children(files, _DPKG_PARTS) if not file.path.endswith(".md5sums")),
    ]
    for path in places:
        for record in _paragraphs(_text(files, path)):
            status = record.get("Status", "install ok installed")
            if record.get("Package") and record.get("Version") and status.endswith(" installed"):
                yield Package(
                    "deb",
                    record["Package"],
                    record["Version"],
                    record.get("Architecture", ""),
                    "",
                    system or "debian",
                    path,
                )


def _apk(text: str, system: str, place: str) -> Iterator[Package]:
    for block in text.split("\n\n"):
        fields = dict(line.split(":", 1) for line in block.splitlines() if line[1:2] == ":")
        if "P" in fields and "V" in fields:
            yield Package(
                "apk",
                fields["P"],
                fields["V"],
                fields.get("A", ""),
                fields.get("L", ""),
                system or "alpine",
                place,
            )


def _of_language(files: Files, file: File) -> Package | None:
    if file.kind != Kind.FILE or file.size > _MANIFEST:
        return None
    if file.path.endswith("/package.json") and _NODE.fullmatch(file.path):
        return _npm(files, file)
    if _PYTHON.fullmatch(file.path):
        told = HeaderParser().parsestr(_text(files, file.path))
        name, version = told.get("Name"), told.get("Version")
        if name and version:
            terms = told.get("License-Expression") or ""
            return Package("pypi", re.sub(r"[-_.]+", "-", name).lower(), version, "", terms, "", file.path)
    return None


def _npm(files: Files, file: File) -> Package | None:
    try:
        told = json.loads(_text(files, file.path))
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict):
        return None
    name, version, terms = told.get("name"), told.get("version"), told.get("license")
    if not isinstance(name, str) or not isinstance(version, str) or not name:
        return None
    scope, _, rest = name.rpartition("/")
    return Package("npm", rest, version, "", terms if isinstance(terms, str) else "", scope, file.path)


def _paragraphs(text: str) -> Iterator[dict[str, str]]:
    """Debian's control files: fields, one paragraph a record."""
    for block in re.split(r"\n\s*\n", text):
        record: dict[str, str] = {}
        for line in block.splitlines():
            name, colon, value = line.partition(":")
            if colon and line[:1] not in (" ", "\t"):
                record[name] = value.strip()
        if record:
            yield record


def _children(files: Files, path: str) -> list[File]:
    found = files.find(path)
    return files.children(posixpath.normpath(found.path)) if found is not None and found.is_directory else []


def _text(files: Files, path: str) -> str:
    file = files.find(path)
    if file is None or file.kind != Kind.FILE or file.size > _LARGEST:
        return ""
    return b"".join(files.read(file)).decode("utf-8", "replace")
