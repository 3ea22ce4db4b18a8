"""Searching a registry: `GET /v1/search`, which Docker's own has, and few others."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlencode

import msgspec

from wherry.errors import Invalid, NotFound, Unsupported
from wherry.registry.client.session import Session

_LARGEST = 4 << 20


class Hit(NamedTuple):
    """One repository that was found."""

    name: str
    description: str
    stars: int
    official: bool
    automated: bool


async def search(session: Session, term: str, limit: int) -> list[Hit]:
    """What the registry finds for `term`, best first. Raises Unsupported when it can't be searched."""
    query = urlencode({"q": term, "n": limit})
    try:
        body, _ = await session.document(f"/v1/search?{query}", scope="", limit=_LARGEST)
    except (NotFound, Invalid) as error:
        raise Unsupported(
            f"{session.host.name} can't be searched: it has no /v1/search",
            hint=f"`curl {session.base}/v2/_catalog` lists what many registries have",
        ) from error
    try:
        return [_hit(one) for one in msgspec.json.decode(body)["results"] or []]
    except (msgspec.DecodeError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Invalid(f"{session.host.name} answered a search with what is no list of results") from error


def _hit(one: dict[str, object]) -> Hit:
    stars = one.get("star_count", 0)
    return Hit(
        name=str(one["name"]),
        description=str(one.get("description") or ""),
        stars=stars if isinstance(stars, int) else 0,
        official=one.get("is_official") is True,
        automated=one.get("is_automated") is True,
    )
