"""The specification's endpoints (distribution-spec, "Endpoints"), translated to `Content`.

end-1   GET        /v2/
end-2   GET HEAD   /v2/NAME/blobs/DIGEST
end-3   GET HEAD   /v2/NAME/manifests/REFERENCE
end-4   POST       /v2/NAME/blobs/uploads/            (monolithic with ?digest=, mount with ?mount=&from=)
end-5   PATCH      /v2/NAME/blobs/uploads/UPLOAD
end-6   PUT        /v2/NAME/blobs/uploads/UPLOAD?digest=
end-7   PUT        /v2/NAME/manifests/REFERENCE
end-8   GET        /v2/NAME/tags/list?n=&last=
end-9   DELETE     /v2/NAME/manifests/REFERENCE
end-10  DELETE     /v2/NAME/blobs/DIGEST
end-12  GET        /v2/NAME/referrers/DIGEST?artifactType=
end-13  GET        /v2/NAME/blobs/uploads/UPLOAD
        DELETE     /v2/NAME/blobs/uploads/UPLOAD
        GET        /v2/_catalog?n=&last=
"""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from wherry.registry.server.cache import Cache
from wherry.registry.server.content import Content
from wherry.registry.server.failures import Refusal
from wherry.registry.server.names import check_name
from wherry.registry.server.notes import Notes
from wherry.registry.server.quotas import Quotas
from wherry.registry.server.routes.asked import Allow, Asked, Handler, May
from wherry.registry.server.routes.blobs import Blobs
from wherry.registry.server.routes.lists import Lists
from wherry.registry.server.routes.manifests import Manifests
from wherry.registry.server.routes.uploads import Uploads


class Routes:
    """Leads to the handlers over one registry's content."""

    def __init__(self, content: Content, quotas: Quotas, allow: Allow, caches: Sequence[Cache] = ()) -> None:
        may = May(allow, caches)
        blobs, uploads = Blobs(content, may), Uploads(content, quotas, may)
        manifests, lists = Manifests(content, may), Lists(content, may)
        self._table: dict[tuple[str, str], Handler] = {
            ("base", "GET"): lists.base,
            ("catalog", "GET"): lists.catalog,
            ("uploads", "POST"): uploads.start,
            ("upload", "PATCH"): uploads.go_on,
            ("upload", "PUT"): uploads.end,
            ("upload", "GET"): uploads.status,
            ("upload", "DELETE"): uploads.cancel,
            ("blob", "GET"): blobs.get,
            ("blob", "DELETE"): blobs.delete,
            ("manifest", "GET"): manifests.get,
            ("manifest", "PUT"): manifests.put,
            ("manifest", "DELETE"): manifests.delete,
            ("tags", "GET"): lists.tags,
            ("referrers", "GET"): lists.referrers,
        }

    async def dispatch(self, request: web.Request, notes: Notes) -> web.StreamResponse:
        """Answer what is below `/v2/`. Raises Refusal."""
        kind, name, last = parse(request.path)
        notes.kind = kind
        method = "GET" if request.method == "HEAD" else request.method
        handler = self._table.get((kind, method))
        if handler is None:
            raise Refusal("UNSUPPORTED") if kind else Refusal("NAME_UNKNOWN", "no such page")
        return await handler(Asked(request, notes, notes.caller, check_name(name) if name else "", last))


def parse(path: str) -> tuple[str, str, str]:
    """(kind, repository, last part) of a path below `/v2/`; the kind is "" for one that leads nowhere."""
    if path in ("/v2/", "/v2"):
        return "base", "", ""
    if path == "/v2/_catalog":
        return "catalog", "", ""
    name, _, last = path.removeprefix("/v2/").rpartition("/")
    name, _, kind = name.rpartition("/")
    if kind == "uploads" and name.endswith("/blobs"):
        return ("upload" if last else "uploads"), name.removesuffix("/blobs"), last
    if not name or not last:
        return "", "", ""
    match kind:
        case "manifests":
            return "manifest", name, last
        case "blobs":
            return ("uploads", name, "") if last == "uploads" else ("blob", name, last)
        case "tags" if last == "list":
            return "tags", name, last
        case "referrers":
            return "referrers", name, last
    return "", "", ""
