"""Manifests: sent, stored and deleted."""

from __future__ import annotations

from aiohttp import web

from wherry.registry.server.audit import Deed
from wherry.registry.server.content import MAX_MANIFEST, Content
from wherry.registry.server.names import is_digest
from wherry.registry.server.routes.asked import Asked, May
from wherry.registry.server.routes.bodies import small_body


class Manifests:
    """Handlers of `/v2/NAME/manifests/REFERENCE`."""

    def __init__(self, content: Content, may: May) -> None:
        self._content = content
        self._may = may

    async def get(self, asked: Asked) -> web.Response:
        request, name = asked.request, self._may(asked, "pull")
        asked.notes.deed = Deed("pull", name, asked.last)
        if cache := self._may.cache(name):
            await cache.manifest(name, asked.last)
        stored = await self._content.manifest(name, asked.last)
        headers = {"Docker-Content-Digest": stored.digest, "ETag": f'"{stored.digest}"'}
        if request.headers.get("If-None-Match") == headers["ETag"]:
            return web.Response(status=304, headers=headers)
        headers["Content-Type"] = stored.media_type
        if request.method == "HEAD":
            headers["Content-Length"] = str(len(stored.data))
            return web.Response(headers=headers)
        return web.Response(body=stored.data, headers=headers)

    async def put(self, asked: Asked) -> web.Response:
        request, name, reference = asked.request, self._may(asked, "push"), asked.last
        asked.notes.deed = Deed("push", name, reference)
        immutable = not is_digest(reference) and not asked.caller.may(name, "overwrite")
        data = await small_body(request, MAX_MANIFEST)
        asked.notes.received = len(data)
        kind = request.headers.get("Content-Type", "").partition(";")[0].strip()
        if kind == "application/octet-stream":  # what clients send that say nothing
            kind = ""
        digest, subject = await self._content.put_manifest(
            name, reference, data, kind, by=asked.caller.name, immutable=immutable
        )
        asked.notes.deed = Deed("push", name, reference, digest)
        headers = {"Location": f"/v2/{name}/manifests/{digest}", "Docker-Content-Digest": digest}
        if subject:
            headers["OCI-Subject"] = subject
        return web.Response(status=201, headers=headers)

    async def delete(self, asked: Asked) -> web.Response:
        name, reference = self._may(asked, "delete"), asked.last
        asked.notes.deed = Deed("delete", name, reference)
        if is_digest(reference):
            await self._content.delete_manifest(name, reference)
        else:
            await self._content.delete_tag(name, reference)
        return web.Response(status=202)
