"""What a registry has of an image, without pulling it: `distribution/{name}/json`, and `manifest inspect`."""

from __future__ import annotations

from typing import Any, NamedTuple

from wherry.errors import Invalid
from wherry.oci.image_config import parse_image_config
from wherry.oci.manifest import Index, Manifest, Platform, parse_document
from wherry.oci.reference import Reference
from wherry.registry.client import blobs, manifests
from wherry.registry.client.manifests import Document
from wherry.registry.client.session import Session

_MAX_CONFIG = 8 << 20
_MOST_MEMBERS = 100


class Described(NamedTuple):
    """A document, and the platforms that it (or its members) are for."""

    document: Document
    platforms: list[Platform]


async def describe(session: Session, reference: Reference) -> Described:
    """Ask for what the name stands for. Raises NotFound, Invalid, Unavailable."""
    named = await manifests.named(session, reference)
    parsed = parse_document(named.data, named.media_type)
    if isinstance(parsed, Index):
        return Described(named, [one.platform for one in parsed.manifests if one.platform])
    return Described(named, [await _platform_of(session, reference, parsed)])


async def members(
    session: Session, reference: Reference, named: Document
) -> list[tuple[Document, Platform | None]]:
    """The document itself when it is a manifest, else each manifest of the index, with its platform."""
    parsed = parse_document(named.data, named.media_type)
    if isinstance(parsed, Manifest):
        return [(named, await _platform_of(session, reference, parsed))]
    if len(parsed.manifests) > _MOST_MEMBERS:
        raise Invalid(f"{reference.familiar}: an index with more than {_MOST_MEMBERS} manifests")
    found: list[tuple[Document, Platform | None]] = []
    for one in parsed.manifests:
        found.append((await manifests.fetch(session, reference.path, one.digest), one.platform))
    return found


async def _platform_of(session: Session, reference: Reference, manifest: Manifest) -> Platform:
    data = await blobs.read_small(session, reference.path, manifest.config, limit=_MAX_CONFIG)
    try:
        config = parse_image_config(data)
    except Invalid:
        return Platform(architecture="", os="")  # an artifact: not made for a machine
    return Platform(
        architecture=config.architecture, os=config.os, variant=config.variant, os_version=config.os_version
    )


def as_descriptor(document: Document, platform: Platform | None) -> dict[str, Any]:
    """In the wire's spelling."""
    found: dict[str, Any] = {
        "mediaType": document.media_type,
        "digest": document.digest,
        "size": len(document.data),
    }
    if platform is not None:
        found["platform"] = as_platform(platform)
    return found


def as_platform(platform: Platform) -> dict[str, Any]:
    """In the wire's spelling, without what is empty."""
    found: dict[str, Any] = {"architecture": platform.architecture, "os": platform.os}
    if platform.os_version:
        found["os.version"] = platform.os_version
    if platform.variant:
        found["variant"] = platform.variant
    return found
