"""One image or cache in a registry, to be looked at and read in parts: nothing is added to the store."""

from __future__ import annotations

from collections.abc import AsyncIterator

from wherry.oci.manifest import Descriptor, Manifest, Platform
from wherry.oci.reference import Reference
from wherry.registry.client import blobs, manifests
from wherry.registry.client.session import Session

_MAX_CONFIG = 64 << 20


class Remote:
    """`session` stays open for as long as this is used."""

    def __init__(self, session: Session, reference: Reference) -> None:
        self.reference = reference
        self._session = session

    async def find(self, platform: Platform) -> tuple[Manifest, bytes]:
        """The manifest for a platform, and its configuration. Raises NotFound, Unauthorized, Unavailable,
        Invalid."""
        found = await manifests.find(self._session, self.reference, platform)
        config = await blobs.read_small(
            self._session, self.reference.path, found.manifest.config, limit=_MAX_CONFIG
        )
        return found.manifest, config

    def read(self, descriptor: Descriptor) -> AsyncIterator[bytes]:
        """A blob's bytes, verified at their end."""
        return blobs.read(self._session, self.reference.path, descriptor)
