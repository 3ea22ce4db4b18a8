"""Uploads: in one piece, in pieces, or taken over from another repository."""

from __future__ import annotations

import asyncio
import random
import re

from aiohttp import web

from wherry.registry.server.audit import Deed
from wherry.registry.server.content import Content
from wherry.registry.server.failures import Refusal
from wherry.registry.server.names import check_digest, check_name
from wherry.registry.server.quotas import Quotas
from wherry.registry.server.routes.asked import Asked, May
from wherry.registry.server.routes.bodies import body_of

_CONTENT_RANGE = re.compile(r"(?:bytes )?(\d+)-(\d+)(?:/.*)?")


class Uploads:
    """Handlers of `/v2/NAME/blobs/uploads/…`."""

    def __init__(self, content: Content, quotas: Quotas, may: May) -> None:
        self._content = content
        self._quotas = quotas
        self._may = may

    async def start(self, asked: Asked) -> web.Response:
        request, name = asked.request, self._may(asked, "push")
        query = request.query
        if wanted := query.get("mount"):
            source = query.get("from", "")
            check_digest(wanted)
            readable = bool(source) and asked.caller.may(check_name(source), "pull")
            if readable and await self._mount(asked, wanted, source):
                return _created_blob(name, wanted)
        upload = self._content.new_upload()
        size = await self._append(asked, upload, 0)
        if digest := query.get("digest"):
            return await self._finish(asked, upload, digest)
        return _accepted(name, upload, size)

    async def _mount(self, asked: Asked, digest: str, source: str) -> bool:
        if await self._quotas.left(asked.name) is not None:
            try:
                size = await self._content.blob_size(source, digest)
            except Refusal:
                return False
            await self._quotas.check(asked.name, size)
        asked.notes.deed = Deed("mount-blob", asked.name, source, digest)
        async with self._quotas.turn(asked.name):
            had = await self._content.holds(asked.name, digest)
            if not await self._content.mount(asked.name, digest, source):
                return False
            await self._settle(asked.name, digest, had)
        return True

    async def _settle(self, name: str, digest: str, had: bool) -> None:
        """The repository holds a blob now; when that is too much, it does not, unless it `had` it before."""
        if had:
            return
        for last in (False, False, True):
            try:
                await self._quotas.settle(name)
            except Refusal:
                await self._content.delete_blob(name, digest)
                if last:
                    raise
            else:
                return
            await asyncio.sleep(random.uniform(0.05, 0.3))
            if not await self._content.claim(name, digest):
                raise Refusal("BLOB_UPLOAD_UNKNOWN")

    async def _append(self, asked: Asked, upload: str, offset: int) -> int:
        await self._quotas.check(asked.name, offset + (asked.request.content_length or 0))
        body = self._quotas.limited(asked.name, offset, body_of(asked.request))
        try:
            size = await self._content.append(upload, offset, body)
        except Refusal as refusal:
            if refusal.code == "DENIED":
                await self._content.cancel(upload)
            raise
        asked.notes.received = size - offset
        return size

    async def _finish(self, asked: Asked, upload: str, digest: str) -> web.Response:
        asked.notes.deed = Deed("push-blob", asked.name, digest=digest)
        async with self._quotas.turn(asked.name):
            had = await self._content.holds(asked.name, digest)
            await self._content.finish(asked.name, upload, digest)
            await self._settle(asked.name, digest, had)
        return _created_blob(asked.name, digest)

    async def go_on(self, asked: Asked) -> web.Response:
        name, upload = self._may(asked, "push"), asked.last
        size = await self._append(asked, upload, await self._offset(asked.request, upload))
        return _accepted(name, upload, size)

    async def end(self, asked: Asked) -> web.Response:
        self._may(asked, "push")
        digest = check_digest(asked.request.query.get("digest", ""))
        await self._append(asked, asked.last, await self._offset(asked.request, asked.last))
        return await self._finish(asked, asked.last, digest)

    async def _offset(self, request: web.Request, upload: str) -> int:
        """Where the request's body belongs; chunks come in order."""
        size = await self._content.uploaded(upload)
        given = request.headers.get("Content-Range", "")
        if given:
            match = _CONTENT_RANGE.fullmatch(given)
            length = request.content_length
            if not match or int(match[1]) != size or int(match[2]) < int(match[1]) - 1:
                raise Refusal("BLOB_UPLOAD_INVALID", f"the upload is at {size}", headers=_progress(size))
            if length is not None and length != int(match[2]) - int(match[1]) + 1:
                raise Refusal("BLOB_UPLOAD_INVALID", "Content-Range and Content-Length differ")
        return size

    async def status(self, asked: Asked) -> web.Response:
        name, upload = self._may(asked, "push"), asked.last
        size = await self._content.uploaded(upload)
        headers = {"Location": _upload_url(name, upload), "Docker-Upload-UUID": upload, **_progress(size)}
        return web.Response(status=204, headers=headers)

    async def cancel(self, asked: Asked) -> web.Response:
        self._may(asked, "push")
        await self._content.cancel(asked.last)
        return web.Response(status=204)


def _upload_url(name: str, upload: str) -> str:
    return f"/v2/{name}/blobs/uploads/{upload}"


def _progress(size: int) -> dict[str, str]:
    return {"Range": f"0-{max(0, size - 1)}"}


def _accepted(name: str, upload: str, size: int) -> web.Response:
    headers = {"Location": _upload_url(name, upload), "Docker-Upload-UUID": upload, **_progress(size)}
    return web.Response(status=202, headers=headers)


def _created_blob(name: str, digest: str) -> web.Response:
    headers = {"Location": f"/v2/{name}/blobs/{digest}", "Docker-Content-Digest": digest}
    return web.Response(status=201, headers=headers)
