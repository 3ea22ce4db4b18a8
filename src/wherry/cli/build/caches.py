"""`--cache-from` and `--cache-to`: what the engine is told, and caches in directories of this machine."""

from __future__ import annotations

import json
import os

from wherry.cli.build.output import fields_of
from wherry.client.directories import directory_order
from wherry.errors import Invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_UNCOMPRESSED = "containerd.io/uncompressed"
_TAG = "org.opencontainers.image.ref.name"


def cache_source(text: str) -> dict[str, Any]:
    """`type=registry,ref=NAME` (NAME alone will do) or `type=local,src=DIRECTORY`. Raises Invalid."""
    fields = _fields(text)
    order: dict[str, Any] = {"fields": fields}
    if fields["type"] == "local":
        source = fields.get("src", "")
        if not os.path.isdir(source):
            raise Invalid(f"--cache-from: {source or 'src'}: no such directory")
        order["directory"] = directory_order(os.path.realpath(source), "")
    return order


class CacheTarget:
    """One `--cache-to`. A directory is written here: only the blobs that it lacks are sent."""

    def __init__(self, text: str) -> None:
        """Raises Invalid."""
        self._fields = _fields(text)
        self.folder = self._fields.get("dest", "") if self._fields["type"] == "local" else ""

    @property
    def order(self) -> dict[str, Any]:
        """For the engine."""
        return {"fields": self._fields, "have": _blobs_in(self.folder) if self.folder else {}}

    def take(self, pieces: Iterator[bytes]) -> None:
        """Write what the build sends; other caches of the same directory stay."""
        from wherry.client.unpack import unpack

        os.makedirs(self.folder, exist_ok=True)
        others = _index(self.folder)
        unpack(pieces, self.folder, lambda parts: parts, owners=False)
        path = os.path.join(self.folder, "index.json")
        index = _document(path)
        own = {_tag(one) for one in index.get("manifests", ())}
        index["manifests"] = [one for one in others if _tag(one) not in own] + index.get("manifests", [])
        with open(f"{path}.new", "w", encoding="utf-8") as file:
            json.dump(index, file)
        os.replace(f"{path}.new", path)


def _fields(text: str) -> dict[str, str]:
    if "=" not in text:
        return {"type": "registry", "ref": text}
    return {"type": "registry", **fields_of(text)}


def _blobs_in(folder: str) -> dict[str, dict[str, Any]]:
    """The blobs of layers that whole caches in `folder` name, by diff id."""
    found = {}
    for descriptor in _index(folder):
        manifest = _document(_path(folder, descriptor.get("digest", "")))
        for layer in manifest.get("layers", ()):
            diff_id = (layer.get("annotations") or {}).get(_UNCOMPRESSED, "")
            path = _path(folder, layer.get("digest", ""))
            if diff_id and os.path.isfile(path) and os.path.getsize(path) == layer.get("size"):
                found[diff_id] = layer
    return found


def _index(folder: str) -> list[dict[str, Any]]:
    manifests = _document(os.path.join(folder, "index.json")).get("manifests")
    return [one for one in manifests if isinstance(one, dict)] if isinstance(manifests, list) else []


def _tag(descriptor: dict[str, Any]) -> str:
    return str((descriptor.get("annotations") or {}).get(_TAG, ""))


def _path(folder: str, digest: str) -> str:
    algorithm, _, name = str(digest).partition(":")
    return os.path.join(folder, "blobs", os.path.basename(algorithm), os.path.basename(name))


def _document(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
