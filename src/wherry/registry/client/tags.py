"""The tags of a repository (distribution-spec 1.1, "Listing Tags"), page by page."""

from __future__ import annotations

import re
from urllib.parse import urljoin

import msgspec

from wherry.errors import Invalid, NotFound, Unauthorized
from wherry.oci.reference import Reference, parse_reference
from wherry.registry.client.session import Session

_PAGE = 1000
_MOST_TAGS = 100_000
_LARGEST_PAGE = 16 << 20
_NEXT = re.compile(r"\s*<([^>]*)>\s*;.*\brel\s*=\s*\"?next\b", re.IGNORECASE)


async def list_tags(session: Session, reference: Reference) -> list[str]:
    """All tags of the repository, in the registry's order, without those that are none. Raises NotFound,
    Invalid for answers that are no lists or have no end."""
    scope = f"repository:{reference.path}:pull"
    path = f"/v2/{reference.path}/tags/list?n={_PAGE}"
    found: dict[str, None] = {}
    seen: set[str] = set()
    while path:
        if path in seen:
            raise Invalid(f"{session.host.name} lists the tags of {reference.path} in circles")
        seen.add(path)
        try:
            body, response = await session.document(path, scope=scope, limit=_LARGEST_PAGE)
            link = _NEXT.match(response.headers.get("Link", ""))
            path = urljoin(str(response.url), link.group(1)) if link else ""
        except (NotFound, Unauthorized) as error:
            raise NotFound(
                f"pull access denied for {reference.familiar_name}, repository does not exist or may require "
                f"'docker login': {error.message}",
                hint=error.hint or f"`wherry login {session.host.name}`",
            ) from error
        for tag in _tags_in(body, reference):
            found[tag] = None
        if len(found) > _MOST_TAGS:
            raise Invalid(f"{reference.familiar_name} has more than {_MOST_TAGS} tags")
    return list(found)


def _tags_in(body: bytes, reference: Reference) -> list[str]:
    try:
        tags = msgspec.json.decode(body)["tags"] or []
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError, RecursionError):
        tags = None
    if not isinstance(tags, list):
        raise Invalid(f"the list of tags of {reference.path} is malformed")
    return [tag for tag in tags if isinstance(tag, str) and _is_tag(reference, tag)]


def _is_tag(reference: Reference, tag: str) -> bool:
    try:
        return parse_reference(f"{reference.repository}:{tag}").tag == tag
    except Invalid:
        return False
