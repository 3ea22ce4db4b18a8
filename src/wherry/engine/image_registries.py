"""What can be asked of registries about images, as the API asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from wherry.errors import Invalid
from wherry.oci import parse_reference

from .filters import Filters, check, flag

if TYPE_CHECKING:
    from .registries import Registries

Auth = dict[str, str]


class AtRegistries:
    """The part of `Images` that goes over the network and leaves the store alone."""

    @property
    def registries(self) -> Registries:
        """Given by `Images`."""
        raise NotImplementedError

    async def login(self, auth: Auth) -> str:
        """Check credentials with their registry; the identity token to keep instead, or "". Raises
        `Unauthorized`."""
        return await self.registries.login(auth)

    async def at_registry(self, name: str, *, credentials: Auth | None = None) -> dict[str, Any]:
        """Answer of `GET /distribution/{name}/json`: the descriptor, and the platforms."""
        reference = parse_reference(name).tagged
        found = await self.registries.describe(reference, credentials=credentials)
        document = found.document
        return {
            "Descriptor": {
                "mediaType": document.media_type,
                "digest": document.digest,
                "size": len(document.data),
            },
            "Platforms": [_platform(one) for one in found.platforms],
        }

    async def manifests(
        self, name: str, *, members: bool = False, credentials: Auth | None = None
    ) -> dict[str, Any]:
        """What a registry has under a name: the document and, when wanted, the manifests in it."""
        reference = parse_reference(name).tagged
        return await self.registries.manifests(reference, members=members, credentials=credentials)

    async def push_list(
        self, name: str, members: Sequence[dict[str, Any]], *, credentials: Auth | None = None
    ) -> str:
        """Push a manifest list of `{"Ref": name@digest, "Platform": {…}}`; its digest."""
        import msgspec

        from wherry.oci import Platform
        from wherry.registry.client.lists import Member

        chosen = []
        for one in members:
            reference = parse_reference(str(one.get("Ref", "")))
            if not reference.digest:
                raise Invalid(f"{reference.familiar}: a member of a list is named by its digest")
            try:
                platform = msgspec.convert(one.get("Platform") or {}, Platform)
            except msgspec.ValidationError as error:
                raise Invalid(f"{reference.familiar}: malformed platform: {error}") from None
            if not platform.os or not platform.architecture:
                raise Invalid(
                    f"manifest {reference.familiar} must have an OS and Architecture to be pushed"
                    " to a registry"
                )
            chosen.append(Member(reference, platform))
        target = parse_reference(name).tagged
        if target.digest:
            raise Invalid("cannot push a digest reference")
        if not chosen:
            raise Invalid("a manifest list needs at least one manifest")
        return await self.registries.push_list(target, chosen, credentials=credentials)

    async def search(
        self, term: str, *, limit: int = 25, filters: Filters | None = None, credentials: Auth | None = None
    ) -> list[dict[str, Any]]:
        """Answer of `GET /images/search`. Filters: stars, is-official, is-automated."""
        filters = filters or {}
        check(filters, frozenset({"is-automated", "is-official", "stars"}))
        official, automated = flag(filters, "is-official"), flag(filters, "is-automated")
        stars = 0
        for text in filters.get("stars", []):
            if not text.isdecimal():
                raise Invalid(f"invalid filter 'stars={text}'")
            stars = max(stars, int(text))
        found = await self.registries.search(term, limit=limit, credentials=credentials)
        return [
            {
                "star_count": hit.stars,
                "is_official": hit.official,
                "name": hit.name,
                "is_automated": hit.automated,
                "description": hit.description,
            }
            for hit in found
            if hit.stars >= stars
            and (official is None or hit.official == official)
            and (automated is None or hit.automated == automated)
        ]


def _platform(platform: Any) -> dict[str, Any]:
    from wherry.registry.client.describe import as_platform

    return as_platform(platform)
