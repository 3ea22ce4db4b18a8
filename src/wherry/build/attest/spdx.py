"""A list of what is in an image, as SPDX 2.3 in JSON. Source: spdx.github.io/spdx-spec/v2.3."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from wherry.build.attest.packages import Package

__all__ = ["PREDICATE", "spdx"]

PREDICATE = "https://spdx.dev/Document"
_EXPRESSION = re.compile(r"[A-Za-z0-9.+-]+(?: (?:AND|OR|WITH) [A-Za-z0-9.+-]+)*")


def spdx(packages: Iterable[Package], *, name: str, created: str) -> dict[str, Any]:
    """The document. `name` is the image's; `created` as RFC 3339 without a fraction. The same packages give
    the same document."""
    listed = [_package(package) for package in packages]
    identity = hashlib.sha256(repr([name, listed]).encode()).hexdigest()
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": name,
        "documentNamespace": f"https://wherry.invalid/spdx/{identity}",
        "creationInfo": {"creators": ["Tool: wherry"], "created": created},
        "packages": listed,
        "relationships": [
            {
                "spdxElementId": "SPDXRef-DOCUMENT",
                "relatedSpdxElement": package["SPDXID"],
                "relationshipType": "DESCRIBES",
            }
            for package in listed
        ],
    }


def purl(package: Package) -> str:
    """The package URL. Source: package-url/purl-spec."""
    namespace = f"{quote(package.namespace, safe='')}/" if package.namespace else ""
    url = f"pkg:{package.kind}/{namespace}{quote(package.name, safe='')}@{quote(package.version, safe='')}"
    return f"{url}?arch={quote(package.architecture, safe='')}" if package.architecture else url


def _package(package: Package) -> dict[str, Any]:
    url = purl(package)
    licence = package.license if _EXPRESSION.fullmatch(package.license) else "NOASSERTION"
    identity = hashlib.sha256(f"{url} {package.place}".encode("utf-8", "surrogateescape")).hexdigest()[:16]
    name = (
        f"{package.namespace}/{package.name}" if package.kind == "npm" and package.namespace else package.name
    )
    return {
        "SPDXID": f"SPDXRef-Package-{package.kind}-{identity}",
        "name": name,
        "versionInfo": package.version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": licence,
        "sourceInfo": f"found in /{package.place}".encode("utf-8", "replace").decode(),
        "externalRefs": [
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": url}
        ],
    }
