"""A look at everything a storage holds: what garbage collection, retention and the web page go by."""

from __future__ import annotations

from typing import NamedTuple

from wherry.errors import Invalid
from wherry.oci.manifest import Index, parse_document
from wherry.registry.server.content import Content, layers
from wherry.registry.server.failures import Refusal
from wherry.registry.server.names import unflat
from wherry.registry.server.storage import About, Driver


class Survey(NamedTuple):
    """Of each repository: the blobs it has (and since when), its manifests, its tags."""

    blobs: dict[str, dict[str, float]]
    manifests: dict[str, dict[str, float]]
    tags: dict[str, list[str]]


async def survey(driver: Driver) -> Survey:
    """Everything below `repositories/`."""
    found = Survey({}, {}, {})
    async for key, about in driver.keys("repositories/"):
        name, separator, rest = key.removeprefix("repositories/").partition("/_")
        kind, _, last = rest.partition("/")
        if not separator or not last:
            continue
        if kind == "blobs":
            found.blobs.setdefault(name, {})[unflat(last)] = about.changed
        elif kind == "manifests":
            found.manifests.setdefault(name, {})[unflat(last)] = about.changed
        elif kind == "tags":
            found.tags.setdefault(name, []).append(last)
    return found


async def used(content: Content, name: str, manifests: dict[str, float]) -> set[str] | None:
    """The blobs that a repository's manifests need; None when one can't be understood, so nobody knows."""
    needed: set[str] = set()
    for digest in manifests:
        try:
            stored = await content.manifest(name, digest)
        except Refusal:
            if await content.has_manifest(name, digest):
                return None  # damaged
            continue  # just deleted
        try:
            document = parse_document(stored.data, stored.media_type)
        except Invalid:
            return None
        if not isinstance(document, Index):
            needed.update((document.config.digest, *layers(document)))
    return needed


async def all_blobs(driver: Driver) -> dict[str, About]:
    """The digests of all blobs whose bytes are there."""
    found = {}
    async for key, about in driver.keys("blobs/"):
        _, algorithm, _, value = key.split("/")
        found[f"{algorithm}:{value}"] = about
    return found
