"""Pushing a manifest list: several images of one registry under one name, each for its platform."""

from __future__ import annotations

from typing import NamedTuple

from wherry.errors import Invalid
from wherry.oci import media_types
from wherry.oci.digest import sha256_of
from wherry.oci.manifest import (
    Descriptor,
    Index,
    Manifest,
    Platform,
    encode_document,
    parse_document,
)
from wherry.oci.reference import Reference
from wherry.registry.client import manifests
from wherry.registry.client.session import Session
from wherry.registry.client.uploads import mount, put_manifest


class Member(NamedTuple):
    """One image of a list: where its manifest is, and the platform to put beside it."""

    reference: Reference  # with its digest
    platform: Platform


async def push_list(session: Session, target: Reference, members: list[Member]) -> str:
    """Store the list under `target`; its digest.

    Manifests that are in other repositories of the registry are brought over, their blobs mounted. Raises
    Invalid for members of another registry, and when a blob can't be mounted.
    """
    entries: list[Descriptor] = []
    families: set[str] = set()
    for one in members:
        if one.reference.domain != target.domain:
            raise Invalid(
                f"{one.reference.familiar} is in another registry than {target.familiar}",
                hint="push it there first, and name it so",
            )
        document = await manifests.fetch(session, one.reference.path, one.reference.digest)
        parsed = parse_document(document.data, document.media_type)
        if not isinstance(parsed, Manifest):
            raise Invalid(f"{one.reference.familiar} is a list itself")
        families.add(parsed.media_type)
        if one.reference.path != target.path:
            for blob in (parsed.config, *parsed.layers):
                if not await mount(session, target.path, blob.digest, one.reference.path):
                    raise Invalid(
                        f"{session.host.name} does not mount {blob.digest} from {one.reference.path}",
                        hint=f"push {one.reference.familiar} to {target.familiar_name} first",
                    )
            await put_manifest(session, target.path, document.digest, document.data, parsed.media_type)
        entries.append(
            Descriptor(
                media_type=parsed.media_type,
                digest=document.digest,
                size=len(document.data),
                platform=one.platform,
            )
        )
    docker = families == {media_types.DOCKER_MANIFEST}
    kind = media_types.DOCKER_INDEX if docker else media_types.OCI_INDEX
    data = encode_document(Index(schema_version=2, media_type=kind, manifests=entries))
    await put_manifest(session, target.path, target.tag, data, kind)
    return sha256_of(data)
