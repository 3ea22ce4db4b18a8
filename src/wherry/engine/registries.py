"""Pulls and pushes of this engine. Loaded with the first one: the HTTP client takes long to load."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from wherry.oci import Reference
from wherry.registry.client.hosts import read_hosts
from wherry.registry.client.platforms import parse_platform
from wherry.registry.client.pull import Puller
from wherry.registry.client.push import Pusher
from wherry.registry.client.session import Credentials
from wherry.store import Store
from wherry.store.images import Image
from wherry.store.machine import architecture


class Registries:
    """Speaks to registries with what Docker clients send as X-Registry-Auth."""

    def __init__(self, store: Store) -> None:
        self._puller = Puller(store)
        self._pusher = Pusher(store)

    def pull(
        self, reference: Reference, *, platform: str, credentials: dict[str, str] | None
    ) -> AsyncIterator[dict[str, Any] | Image]:
        """Progress objects, then the image. See `Puller.pull`."""
        ours = "/".join(part for part in ("linux", *architecture()) if part)
        return self._puller.pull(
            reference,
            hosts=read_hosts(),
            platform=parse_platform(platform or ours),
            credentials=_credentials(credentials),
        )

    def push(
        self, image: Image, reference: Reference, *, credentials: dict[str, str] | None
    ) -> AsyncIterator[dict[str, Any]]:
        """Progress objects. See `Pusher.push`."""
        return self._pusher.push(image, reference, hosts=read_hosts(), credentials=_credentials(credentials))


def _credentials(given: dict[str, str] | None) -> Credentials | None:
    if not given:
        return None
    said = {name.lower(): value for name, value in given.items()}
    return Credentials(
        said.get("username", ""),
        said.get("password", ""),
        said.get("identitytoken", ""),
        said.get("registrytoken", ""),
    )
