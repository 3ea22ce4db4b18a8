"""What there is: repositories, tags, referrers, page by page."""

from __future__ import annotations

import re
from urllib.parse import quote

import msgspec
from aiohttp import web

from wherry.oci import media_types
from wherry.oci.manifest import Descriptor, Index
from wherry.registry.server.content import Content
from wherry.registry.server.failures import Refusal
from wherry.registry.server.routes.asked import Asked, May

_PAGE = 1000  # names at the most in one answer, whatever `n` says


class Lists:
    """Handlers of `/v2/`, `/v2/_catalog`, and a repository's lists."""

    def __init__(self, content: Content, may: May) -> None:
        self._content = content
        self._may = may

    async def base(self, asked: Asked) -> web.Response:
        self._may(asked, "")
        return web.json_response({})

    async def catalog(self, asked: Asked) -> web.Response:
        self._may(asked, "catalog")
        # a token's scopes are about single repositories; who may see the catalog sees what the account may
        everything = asked.caller._replace(scopes=None)
        names = [name for name in await self._content.repositories() if everything.may(name, "pull")]
        return _page(asked.request, "/v2/_catalog", "repositories", names, {})

    async def tags(self, asked: Asked) -> web.Response:
        name = self._may(asked, "pull")
        cache = self._may.cache(name)
        found = await cache.tags(name) if cache is not None else None
        if found is None:
            found = await self._content.tags(name)
        return _page(asked.request, f"/v2/{name}/tags/list", "tags", found, {"name": name})

    async def referrers(self, asked: Asked) -> web.Response:
        request, name = asked.request, self._may(asked, "pull")
        found = await self._content.referrers(name, asked.last)
        headers = {"Content-Type": media_types.OCI_INDEX}
        if kind := request.query.get("artifactType"):
            found = [one for one in found if one.artifact_type == kind]
            headers["OCI-Filters-Applied"] = "artifactType"
        return web.Response(body=_index(found), headers=headers)


def _index(descriptors: list[Descriptor]) -> bytes:
    index = Index(schema_version=2, manifests=descriptors, media_type="")
    fields = msgspec.to_builtins(index)
    return msgspec.json.encode({**fields, "mediaType": media_types.OCI_INDEX})


def _page(
    request: web.Request, path: str, field: str, names: list[str], besides: dict[str, str]
) -> web.Response:
    """The names after `last`, `n` at the most, and where the next are (RFC 5988)."""
    given = request.query.get("n", "")
    if given and not re.fullmatch(r"\d{1,9}", given):
        raise Refusal("PAGINATION_NUMBER_INVALID", detail={"n": given[:20]})
    count = min(int(given), _PAGE) if given else _PAGE
    last = request.query.get("last", "")
    rest = [name for name in names if name > last] if last else names
    shown = rest[:count]
    headers = {}
    if len(rest) > count and shown:
        headers["Link"] = f'<{path}?n={count}&last={quote(shown[-1], safe="")}>; rel="next"'
    return web.json_response({**besides, field: shown}, headers=headers)
