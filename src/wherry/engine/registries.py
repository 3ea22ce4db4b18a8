"""What this engine does with registries. Loaded with the first use: the HTTP client takes long to load."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from wherry.errors import Invalid
from wherry.oci import Reference, parse_reference
from wherry.oci.reference import DEFAULT_DOMAIN
from wherry.registry.client import describe, lists, manifests, search, tags
from wherry.registry.client.hosts import Hosts, Sockets, read_hosts
from wherry.registry.client.login import login
from wherry.registry.client.platforms import parse_platform
from wherry.registry.client.pull import Puller
from wherry.registry.client.push import Make, Pusher
from wherry.registry.client.remote import Remote
from wherry.registry.client.session import Credentials, Session
from wherry.store import Store
from wherry.store.archive.packing import Compression
from wherry.store.images import Image
from wherry.store.machine import architecture

Auth = dict[str, str]
"""What Docker clients send as X-Registry-Auth, decoded."""

_SEARCHED = "index.docker.io"  # where Docker's own registry is searched
_MOST_HITS = 100


class Registries:
    """Speaks to registries with what Docker clients send as X-Registry-Auth."""

    def __init__(self, store: Store, sockets: Sockets | None) -> None:
        """`sockets` makes those that connect, where this process is not in the machine's network itself."""
        self._sockets = sockets
        self._puller = Puller(store)
        self._pusher = Pusher(store)

    def pull(
        self, reference: Reference, *, platform: str, credentials: Auth | None
    ) -> AsyncIterator[dict[str, Any] | Image]:
        """Progress objects, then the image. See `Puller.pull`."""
        ours = "/".join(part for part in ("linux", *architecture()) if part)
        return self._puller.pull(
            reference,
            hosts=self._hosts(),
            platform=parse_platform(platform or ours),
            credentials=_credentials(credentials),
        )

    def push(
        self, image: Image, reference: Reference, *, credentials: Auth | None
    ) -> AsyncIterator[dict[str, Any]]:
        """Progress objects. See `Pusher.push`."""
        return self._pusher.push(image, reference, hosts=self._hosts(), credentials=_credentials(credentials))

    def push_made(
        self,
        reference: Reference,
        layers: Sequence[str],
        make: Make,
        *,
        compression: Compression,
        credentials: Auth | None,
    ) -> AsyncIterator[dict[str, Any]]:
        """Progress objects. See `Pusher.push_made`."""
        return self._pusher.push_made(
            reference,
            layers,
            make,
            hosts=self._hosts(),
            credentials=_credentials(credentials),
            compression=compression,
        )

    @asynccontextmanager
    async def remote(self, reference: Reference, *, credentials: Auth | None) -> AsyncIterator[Remote]:
        """Something in a registry, to be read in parts."""
        async with self._session(reference.domain, credentials) as session:
            yield Remote(session, reference)

    async def tags(self, reference: Reference, *, credentials: Auth | None) -> list[str]:
        """All tags of a repository."""
        async with self._session(reference.domain, credentials) as session:
            return await tags.list_tags(session, reference)

    async def login(self, auth: Auth) -> str:
        """Check credentials; the identity token to keep instead of them, or "". Raises Unauthorized."""
        address = {name.lower(): value for name, value in auth.items()}.get("serveraddress", "")
        return await login(self._hosts().origin(_domain_of(address)), _credentials(auth) or Credentials())

    async def describe(self, reference: Reference, *, credentials: Auth | None) -> describe.Described:
        """What a registry has under a name."""
        async with self._session(reference.domain, credentials) as session:
            return await describe.describe(session, reference)

    async def manifests(
        self, reference: Reference, *, members: bool, credentials: Auth | None
    ) -> dict[str, Any]:
        """The document under a name, and (`members`) each manifest in it."""
        async with self._session(reference.domain, credentials) as session:
            named = await manifests.named(session, reference)
            found = await describe.members(session, reference, named) if members else []
        return {
            "Document": named.data.decode(),
            "Descriptor": describe.as_descriptor(named, None),
            "Members": [
                {
                    "Ref": str(reference._replace(tag="", digest=document.digest)),
                    "Descriptor": describe.as_descriptor(document, platform),
                    "Raw": document.data.decode(),
                }
                for document, platform in found
            ],
        }

    async def push_list(
        self, target: Reference, members: Sequence[lists.Member], *, credentials: Auth | None
    ) -> str:
        """Push a manifest list; its digest."""
        async with self._session(target.domain, credentials) as session:
            return await lists.push_list(session, target, list(members))

    async def search(self, term: str, *, limit: int, credentials: Auth | None) -> list[search.Hit]:
        """Search the registry that the term begins with, else Docker's. Raises Unsupported, Invalid."""
        if not 1 <= limit <= _MOST_HITS:
            raise Invalid(f"limit {limit} is outside the range of [1, {_MOST_HITS}]")
        if not term or "://" in term:
            raise Invalid(f"invalid repository name ({term})", hint="leave out http:// and https://")
        head, slash, rest = term.partition("/")
        named = slash and ("." in head or ":" in head or head == "localhost")
        domain, words = (head, rest) if named else (DEFAULT_DOMAIN, term)
        host = self._hosts().origin(domain)
        if domain == DEFAULT_DOMAIN:
            host = host._replace(base=f"https://{_SEARCHED}")
            words = words.removeprefix("library/")
        async with Session(host, _credentials(credentials)) as session:
            return await search.search(session, words, limit)

    def _hosts(self) -> Hosts:
        return read_hosts(self._sockets)

    def _session(self, domain: str, credentials: Auth | None) -> Session:
        return Session(self._hosts().origin(domain), _credentials(credentials))


def _domain_of(address: str) -> str:
    """The registry that a `serveraddress` means: a host, or the URL of an old index."""
    rest = address.partition("://")[2] or address
    host = rest.partition("/")[0]
    if host in ("", "docker.io", _SEARCHED, "registry-1.docker.io"):
        return DEFAULT_DOMAIN
    try:
        return parse_reference(f"{host}/any").domain if "." in host or ":" in host else host
    except Invalid:
        raise Invalid(
            f"invalid registry address {address[:200]!r}", hint="a host, with a port or without"
        ) from None


def _credentials(given: Auth | None) -> Credentials | None:
    if not given:
        return None
    said = {name.lower(): value for name, value in given.items()}
    name, password = said.get("username", ""), said.get("password", "")
    if not name and said.get("auth"):
        name, password = _pair(said["auth"])
    return Credentials(name, password, said.get("identitytoken", ""), said.get("registrytoken", ""))


def _pair(auth: str) -> tuple[str, str]:
    """Name and password of the `auth` member that configuration files have."""
    import base64

    try:
        name, _, password = base64.b64decode(auth).decode().partition(":")
    except ValueError:
        raise Invalid("invalid registry credentials: auth must be base64 of name:password") from None
    return name, password
