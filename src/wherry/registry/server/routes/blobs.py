"""Blobs: sent, and taken from a repository."""

from __future__ import annotations

import re

from aiohttp import web

from wherry.registry.server.audit import Deed
from wherry.registry.server.cache import Arriving
from wherry.registry.server.content import Content
from wherry.registry.server.failures import Refusal
from wherry.registry.server.names import blob_key
from wherry.registry.server.routes.asked import Asked, May
from wherry.registry.server.storage import Files

_CHUNK = 1 << 18
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class Blobs:
    """Handlers of `/v2/NAME/blobs/DIGEST`."""

    def __init__(self, content: Content, may: May) -> None:
        self._content = content
        self._may = may

    async def get(self, asked: Asked) -> web.StreamResponse:
        request, digest = asked.request, asked.last
        name = self._may(asked, "pull")
        cache = self._may.cache(name)
        try:
            size = await self._content.blob_size(name, digest, renew=request.method == "HEAD")
        except Refusal:
            if cache is None:
                raise
            fetched = await cache.blob(name, digest)
            if fetched is not None:
                return await _passed_on(asked, *fetched)
            size = await self._content.blob_size(name, digest)
        headers = {
            "Docker-Content-Digest": digest,
            "Content-Type": "application/octet-stream",
            "ETag": f'"{digest}"',
            "Cache-Control": "max-age=31536000",
            "Accept-Ranges": "bytes",
        }
        if request.headers.get("If-None-Match") == headers["ETag"]:
            return web.Response(status=304, headers=headers)
        start, end, status = _range(request, size)
        driver = self._content.driver
        if request.method == "GET":
            asked.notes.sent = end - start
            if isinstance(driver, Files):  # sendfile, of a range too
                return web.FileResponse(driver.path(blob_key(digest)), _CHUNK, headers=headers)
        if status == 206:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        response = web.StreamResponse(status=status, headers=headers)
        response.content_length = end - start
        await response.prepare(request)
        if request.method == "GET":
            async for chunk in driver.stream(blob_key(digest), start, end):
                await response.write(chunk)
        await response.write_eof()
        return response

    async def delete(self, asked: Asked) -> web.Response:
        name = self._may(asked, "delete")
        asked.notes.deed = Deed("delete-blob", name, digest=asked.last)
        await self._content.delete_blob(name, asked.last)
        return web.Response(status=202)


async def _passed_on(asked: Asked, size: int, arriving: Arriving) -> web.StreamResponse:
    """A blob as it arrives from another registry: whole, whatever range was asked for."""
    headers = {"Docker-Content-Digest": asked.last, "Content-Type": "application/octet-stream"}
    response = web.StreamResponse(headers=headers)
    response.content_length = size
    asked.notes.sent = size
    sent = 0
    try:
        await response.prepare(asked.request)
        if asked.request.method == "GET":
            async for chunk in arriving.chunks():
                await response.write(chunk)
                sent += len(chunk)
            if sent != size:
                raise ConnectionResetError("the other registry broke off")
    finally:
        arriving.leave()
    await response.write_eof()
    return response


def _range(request: web.Request, size: int) -> tuple[int, int, int]:
    """(start, end, status) of what a Range header asks for; the whole when it is none that we know."""
    match = _RANGE.fullmatch(request.headers.get("Range", ""))
    if not match or (not match[1] and not match[2]):
        return 0, size, 200
    if match[1]:
        start, end = int(match[1]), min(int(match[2]) + 1 if match[2] else size, size)
    else:
        start, end = max(0, size - int(match[2])), size
    if start >= end:
        raise web.HTTPRequestRangeNotSatisfiable(headers={"Content-Range": f"bytes */{size}"})
    return start, end, 206
