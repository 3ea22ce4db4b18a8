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

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import NamedTuple
from urllib.parse import quote

import msgspec
from aiohttp import web

from wherry.oci import media_types
from wherry.oci.manifest import Descriptor, Index
from wherry.registry.server.access import Caller
from wherry.registry.server.audit import Deed
from wherry.registry.server.cache import Arriving, Cache, find
from wherry.registry.server.content import MAX_MANIFEST, Content
from wherry.registry.server.failures import Refusal
from wherry.registry.server.names import blob_key, check_digest, check_name, is_digest
from wherry.registry.server.notes import Notes
from wherry.registry.server.quotas import Quotas
from wherry.registry.server.storage import Files

_PAGE = 1000  # names at the most in one answer, whatever `n` says
_CHUNK = 1 << 18
STALLED = 120.0  # seconds without a byte of a body, after which its client is given up
_GATHERED = 1 << 20  # bytes of a body that are handled at once
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_CONTENT_RANGE = re.compile(r"(?:bytes )?(\d+)-(\d+)(?:/.*)?")

Allow = Callable[[web.Request, Caller, str, str], None]


class Asked(NamedTuple):
    """One request, taken apart: who asks, about which repository, and what in it."""

    request: web.Request
    notes: Notes
    caller: Caller
    name: str
    last: str


Handler = Callable[[Asked], Awaitable[web.StreamResponse]]


class Routes:
    """Handlers over one registry's content. `allow` raises Refusal unless the caller may do that."""

    def __init__(self, content: Content, quotas: Quotas, allow: Allow, caches: Sequence[Cache] = ()) -> None:
        self._content = content
        self._caches = caches
        self._quotas = quotas
        self._allow = allow
        self._table: dict[tuple[str, str], Handler] = {
            ("base", "GET"): self.base,
            ("catalog", "GET"): self.catalog,
            ("uploads", "POST"): self.start_upload,
            ("upload", "PATCH"): self.continue_upload,
            ("upload", "PUT"): self.finish_upload,
            ("upload", "GET"): self.upload_status,
            ("upload", "DELETE"): self.cancel_upload,
            ("blob", "GET"): self.blob,
            ("blob", "DELETE"): self.delete_blob,
            ("manifest", "GET"): self.manifest,
            ("manifest", "PUT"): self.put_manifest,
            ("manifest", "DELETE"): self.delete_manifest,
            ("tags", "GET"): self.tags,
            ("referrers", "GET"): self.referrers,
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

    def _may(self, asked: Asked, right: str) -> str:
        if right == "push" and (cache := find(self._caches, asked.name)):
            raise Refusal("UNSUPPORTED", f"{asked.name} is a cache of {cache.remote}")
        self._allow(asked.request, asked.caller, asked.name, right)
        return asked.name

    async def base(self, asked: Asked) -> web.Response:
        self._may(asked, "")
        return web.json_response({})

    async def catalog(self, asked: Asked) -> web.Response:
        self._may(asked, "catalog")
        # a token's scopes are about single repositories; who may see the catalog sees what the account may
        everything = asked.caller._replace(scopes=None)
        names = [name for name in await self._content.repositories() if everything.may(name, "pull")]
        return _page(asked.request, "/v2/_catalog", "repositories", names, {})

    # blobs

    async def blob(self, asked: Asked) -> web.StreamResponse:
        request, digest = asked.request, asked.last
        name = self._may(asked, "pull")
        cache = find(self._caches, name)
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

    async def delete_blob(self, asked: Asked) -> web.Response:
        name = self._may(asked, "delete")
        asked.notes.deed = Deed("delete-blob", name, digest=asked.last)
        await self._content.delete_blob(name, asked.last)
        return web.Response(status=202)

    # uploads

    async def start_upload(self, asked: Asked) -> web.Response:
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
            self._quotas.note(asked.name, size)
        asked.notes.deed = Deed("mount-blob", asked.name, source, digest)
        return await self._content.mount(asked.name, digest, source)

    async def _append(self, asked: Asked, upload: str, offset: int) -> int:
        await self._quotas.check(asked.name, offset + (asked.request.content_length or 0))
        body = self._quotas.limited(asked.name, offset, _body(asked.request))
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
        size = await self._content.finish(asked.name, upload, digest)
        self._quotas.note(asked.name, size)
        return _created_blob(asked.name, digest)

    async def continue_upload(self, asked: Asked) -> web.Response:
        name, upload = self._may(asked, "push"), asked.last
        size = await self._append(asked, upload, await self._offset(asked.request, upload))
        return _accepted(name, upload, size)

    async def finish_upload(self, asked: Asked) -> web.Response:
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

    async def upload_status(self, asked: Asked) -> web.Response:
        name, upload = self._may(asked, "push"), asked.last
        size = await self._content.uploaded(upload)
        headers = {"Location": _upload_url(name, upload), "Docker-Upload-UUID": upload, **_progress(size)}
        return web.Response(status=204, headers=headers)

    async def cancel_upload(self, asked: Asked) -> web.Response:
        self._may(asked, "push")
        await self._content.cancel(asked.last)
        return web.Response(status=204)

    # manifests

    async def manifest(self, asked: Asked) -> web.Response:
        request, name = asked.request, self._may(asked, "pull")
        asked.notes.deed = Deed("pull", name, asked.last)
        if cache := find(self._caches, name):
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

    async def put_manifest(self, asked: Asked) -> web.Response:
        request, name, reference = asked.request, self._may(asked, "push"), asked.last
        asked.notes.deed = Deed("push", name, reference)
        immutable = not is_digest(reference) and not asked.caller.may(name, "overwrite")
        data = b""
        async for chunk in request.content.iter_chunked(1 << 16):
            data += chunk
            if len(data) > MAX_MANIFEST:
                raise Refusal("SIZE_INVALID", f"manifest is larger than {MAX_MANIFEST} bytes")
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

    async def delete_manifest(self, asked: Asked) -> web.Response:
        name, reference = self._may(asked, "delete"), asked.last
        asked.notes.deed = Deed("delete", name, reference)
        if is_digest(reference):
            await self._content.delete_manifest(name, reference)
        else:
            await self._content.delete_tag(name, reference)
        return web.Response(status=202)

    async def tags(self, asked: Asked) -> web.Response:
        name = self._may(asked, "pull")
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


def _index(descriptors: list[Descriptor]) -> bytes:
    index = Index(schema_version=2, manifests=descriptors, media_type="")
    fields = msgspec.to_builtins(index)
    return msgspec.json.encode({**fields, "mediaType": media_types.OCI_INDEX})


async def _body(request: web.Request) -> AsyncIterator[bytes]:
    """A request's body in pieces that are worth a thread each."""
    gathered: list[bytes] = []
    size = 0
    try:
        while True:
            async with asyncio.timeout(STALLED):
                chunk = await request.content.readany()
            if not chunk:
                break
            gathered.append(chunk)
            size += len(chunk)
            if size >= _GATHERED:
                yield b"".join(gathered)
                gathered, size = [], 0
    except (ConnectionError, web.RequestPayloadError, TimeoutError) as error:
        if gathered:  # what has arrived is kept, for the client to go on from
            yield b"".join(gathered)
        if isinstance(error, TimeoutError):
            raise ConnectionResetError("the client stalled") from error
        raise
    if gathered:
        yield b"".join(gathered)


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
