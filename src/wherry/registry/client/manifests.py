"""Finding an image's manifest: over mirrors, through indexes, verified."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from wherry.errors import Invalid, NotFound, Unauthorized
from wherry.oci import media_types
from wherry.oci.digest import check_digest, sha256_of
from wherry.oci.manifest import MAX_DOCUMENT, Index, Manifest, Platform, parse_document
from wherry.oci.reference import Reference
from wherry.registry.client.platforms import choose
from wherry.registry.client.session import Session

_MAX_DEPTH = 4
_SCHEMA1 = frozenset({media_types.DOCKER_SCHEMA1, media_types.DOCKER_SCHEMA1_SIGNED})
ACCEPT = ", ".join(sorted(media_types.MANIFESTS | media_types.INDEXES | _SCHEMA1))


class Document(NamedTuple):
    """A manifest or an index, as its bytes came."""

    data: bytes
    media_type: str
    digest: str


class Found(NamedTuple):
    """An image's manifest, and the document that the name stood for (the index, if it was one)."""

    manifest: Manifest
    document: Document
    named: Document


async def fetch(session: Session, repository: str, tag_or_digest: str) -> Document:
    """One document, its digest checked. Raises NotFound, Unauthorized, Invalid."""
    path = f"/v2/{repository}/manifests/{tag_or_digest}"
    scope = f"repository:{repository}:pull"
    data, response = await session.document(path, scope=scope, limit=MAX_DOCUMENT, headers={"Accept": ACCEPT})
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip()
    stated = response.headers.get("Docker-Content-Digest", "")
    if media_type in _SCHEMA1:
        raise Invalid(
            f"{repository}: its manifest has the format of 2014 (schema 1), which is not supported",
            hint="pull and push it once with a tool that converts it, or ask for a newer tag",
        )
    digest = sha256_of(data)
    wanted = tag_or_digest if ":" in tag_or_digest else ""
    for expected in filter(None, (wanted, stated)):
        check_digest(expected)
        algorithm, _, value = expected.partition(":")
        if hashlib.new(algorithm, data).hexdigest() != value:
            raise Invalid(f"manifest of {repository} arrived with other contents than {expected}")
        digest = wanted or digest
    return Document(data, media_type, digest)


async def named(session: Session, reference: Reference) -> Document:
    """What the name stands for, a manifest or an index. Raises NotFound in Docker's words."""
    try:
        return await fetch(session, reference.path, reference.digest or reference.tag)
    except NotFound as error:
        raise NotFound(f"manifest for {reference.familiar} not found: {error.message}") from error
    except Unauthorized as error:
        raise NotFound(
            f"pull access denied for {reference.familiar_name}, repository does not exist or may require "
            f"'docker login': {error.message}",
            hint=error.hint or f"`wherry login {session.host.name}`",
        ) from error


async def find(session: Session, reference: Reference, platform: Platform) -> Found:
    """The manifest for a platform of what `reference` names. Raises NotFound in Docker's words."""
    top = await named(session, reference)
    document, depth = top, 0
    while True:
        parsed = parse_document(document.data, document.media_type)
        if isinstance(parsed, Manifest):
            return Found(parsed, document, top)
        depth += 1
        if depth > _MAX_DEPTH:
            raise Invalid(f"{reference.familiar}: indexes nested more than {_MAX_DEPTH} deep")
        document = await _descend(session, reference, parsed, platform)


async def _descend(session: Session, reference: Reference, index: Index, platform: Platform) -> Document:
    chosen = choose(index.manifests, platform)
    if chosen is None:
        wanted = "/".join(part for part in (platform.os, platform.architecture, platform.variant) if part)
        offered = sorted(
            {_shown(one.platform) for one in index.manifests if one.platform} - {"unknown/unknown"}
        )
        raise NotFound(
            f"no matching manifest for {wanted} in the manifest list entries",
            hint=f"{reference.familiar} is there for {', '.join(offered) or 'no platform'}",
        )
    document = await fetch(session, reference.path, chosen.digest)
    if chosen.size != len(document.data):
        raise Invalid(f"manifest {chosen.digest} has {len(document.data)} bytes, not {chosen.size}")
    if document.media_type and document.media_type != chosen.media_type:
        raise Invalid(f"manifest {chosen.digest} is served as another type than its index says")
    return document


def _shown(platform: Platform) -> str:
    parts = platform.os, platform.architecture, platform.variant
    return "/".join(part[:20] for part in parts if part)
