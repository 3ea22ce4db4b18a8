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

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import quote

import msgspec
from aiohttp import web

from wherry.oci import media_types
from wherry.oci.manifest import Descriptor, Index
from wherry.registry.server.access import Caller
from wherry.registry.server.content import (
    MAX_MANIFEST,
    Content,
    blob_key,
    check_digest,
    check_name,
    is_digest,
)
from wherry.registry.server.failures import Refusal
from wherry.registry.server.storage import Files

_PAGE = 1000  # names at the most in one answer, whatever `n` says
_CHUNK = 1 << 20
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_CONTENT_RANGE = re.compile(r"(?:bytes )?(\d+)-(\d+)(?:/.*)?")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Routes:
    """Handlers over one registry's content. `allow` raises Refusal unless the caller may do that."""

    def __init__(self, content: Content, allow: Callable[[web.Request, str, str], Caller]) -> None:
        self._content = content
        self._allow = allow

    def table(self) -> list[web.RouteDef]:
        """Every route, the literal ones before those that would swallow them."""
        upload, name = r"/v2/{name:.+}/blobs/uploads/{upload:[^/]+}", r"/v2/{name:.+}"
        return [
            web.get("/v2/", self.base),
            web.get("/v2/_catalog", self.catalog),
            web.post(rf"{name}/blobs/uploads/", self.start_upload),
            web.post(rf"{name}/blobs/uploads", self.start_upload),
            web.patch(upload, self.continue_upload),
            web.put(upload, self.finish_upload),
            web.get(upload, self.upload_status, allow_head=False),
            web.delete(upload, self.cancel_upload),
            web.get(rf"{name}/blobs/{{digest:[^/]+}}", self.blob),
            web.delete(rf"{name}/blobs/{{digest:[^/]+}}", self.delete_blob),
            web.get(rf"{name}/manifests/{{reference:[^/]+}}", self.manifest),
            web.put(rf"{name}/manifests/{{reference:[^/]+}}", self.put_manifest),
            web.delete(rf"{name}/manifests/{{reference:[^/]+}}", self.delete_manifest),
            web.get(rf"{name}/tags/list", self.tags),
            web.get(rf"{name}/referrers/{{digest:[^/]+}}", self.referrers),
        ]

    def _name(self, request: web.Request, right: str) -> str:
        name = check_name(request.match_info["name"])
        self._allow(request, name, right)
        return name

    async def base(self, request: web.Request) -> web.Response:
        self._allow(request, "", "")
        return web.json_response({})

    async def catalog(self, request: web.Request) -> web.Response:
        caller = self._allow(request, "", "catalog")
        names = [name for name in await self._content.repositories() if caller.may(name, "pull")]
        return _page(request, "/v2/_catalog", "repositories", names, {})

    # blobs

    async def blob(self, request: web.Request) -> web.StreamResponse:
        name, digest = self._name(request, "pull"), request.match_info["digest"]
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
        if status == 206:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        driver = self._content.driver
        if isinstance(driver, Files) and status == 200 and request.method == "GET":
            return web.FileResponse(driver.path(blob_key(digest)), _CHUNK, headers=headers)
        response = web.StreamResponse(status=status, headers=headers)
        response.content_length = end - start
        await response.prepare(request)
        if request.method == "GET":
            async for chunk in driver.stream(blob_key(digest), start, end):
                await response.write(chunk)
        await response.write_eof()
        return response

    async def delete_blob(self, request: web.Request) -> web.Response:
        name = self._name(request, "delete")
        await self._content.delete_blob(name, request.match_info["digest"])
        return web.Response(status=202)

    # uploads

    async def start_upload(self, request: web.Request) -> web.Response:
        name = self._name(request, "push")
        query = request.query
        if wanted := query.get("mount"):
            source = query.get("from", "")
            check_digest(wanted)
            readable = bool(source) and self._allow(request, "", "").may(check_name(source), "pull")
            if readable and await self._content.mount(name, wanted, source):
                return _created_blob(name, wanted)
        upload = self._content.new_upload()
        size = await self._content.append(upload, 0, _body(request))
        if digest := query.get("digest"):
            await self._content.finish(name, upload, digest)
            return _created_blob(name, digest)
        return _accepted(name, upload, size)

    async def continue_upload(self, request: web.Request) -> web.Response:
        name, upload = self._name(request, "push"), request.match_info["upload"]
        size = await self._content.append(upload, await self._offset(request, upload), _body(request))
        return _accepted(name, upload, size)

    async def finish_upload(self, request: web.Request) -> web.Response:
        name, upload = self._name(request, "push"), request.match_info["upload"]
        digest = check_digest(request.query.get("digest", ""))
        await self._content.append(upload, await self._offset(request, upload), _body(request))
        await self._content.finish(name, upload, digest)
        return _created_blob(name, digest)

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

    async def upload_status(self, request: web.Request) -> web.Response:
        name, upload = self._name(request, "push"), request.match_info["upload"]
        size = await self._content.uploaded(upload)
        headers = {"Location": _upload_url(name, upload), "Docker-Upload-UUID": upload, **_progress(size)}
        return web.Response(status=204, headers=headers)

    async def cancel_upload(self, request: web.Request) -> web.Response:
        self._name(request, "push")
        await self._content.cancel(request.match_info["upload"])
        return web.Response(status=204)

    # manifests

    async def manifest(self, request: web.Request) -> web.Response:
        name = self._name(request, "pull")
        stored = await self._content.manifest(name, request.match_info["reference"])
        headers = {"Docker-Content-Digest": stored.digest, "ETag": f'"{stored.digest}"'}
        if request.headers.get("If-None-Match") == headers["ETag"]:
            return web.Response(status=304, headers=headers)
        headers["Content-Type"] = stored.media_type
        if request.method == "HEAD":
            headers["Content-Length"] = str(len(stored.data))
            return web.Response(headers=headers)
        return web.Response(body=stored.data, headers=headers)

    async def put_manifest(self, request: web.Request) -> web.Response:
        name, reference = self._name(request, "push"), request.match_info["reference"]
        caller = self._allow(request, name, "push")
        if not is_digest(reference) and not caller.may(name, "overwrite"):
            await self._must_be_new(name, reference)
        data = b""
        async for chunk in request.content.iter_chunked(1 << 16):
            data += chunk
            if len(data) > MAX_MANIFEST:
                raise Refusal("SIZE_INVALID", f"manifest is larger than {MAX_MANIFEST} bytes")
        kind = request.headers.get("Content-Type", "").partition(";")[0].strip()
        if kind == "application/octet-stream":  # what clients send that say nothing
            kind = ""
        digest, subject = await self._content.put_manifest(name, reference, data, kind, by=caller.name)
        headers = {"Location": f"/v2/{name}/manifests/{digest}", "Docker-Content-Digest": digest}
        if subject:
            headers["OCI-Subject"] = subject
        return web.Response(status=201, headers=headers)

    async def _must_be_new(self, name: str, tag: str) -> None:
        try:
            await self._content.tag(name, tag)
        except Refusal as refusal:
            if refusal.code == "MANIFEST_UNKNOWN":
                return
            raise
        raise Refusal("DENIED", f"tag {tag} exists and may not be overwritten")

    async def delete_manifest(self, request: web.Request) -> web.Response:
        name, reference = self._name(request, "delete"), request.match_info["reference"]
        if is_digest(reference):
            await self._content.delete_manifest(name, reference)
        else:
            await self._content.delete_tag(name, reference)
        return web.Response(status=202)

    async def tags(self, request: web.Request) -> web.Response:
        name = self._name(request, "pull")
        found = await self._content.tags(name)
        return _page(request, f"/v2/{name}/tags/list", "tags", found, {"name": name})

    async def referrers(self, request: web.Request) -> web.Response:
        name = self._name(request, "pull")
        found = await self._content.referrers(name, request.match_info["digest"])
        headers = {"Content-Type": media_types.OCI_INDEX}
        if kind := request.query.get("artifactType"):
            found = [one for one in found if one.artifact_type == kind]
            headers["OCI-Filters-Applied"] = "artifactType"
        return web.Response(body=_index(found), headers=headers)


def _index(descriptors: list[Descriptor]) -> bytes:
    index = Index(schema_version=2, manifests=descriptors, media_type="")
    fields = msgspec.to_builtins(index)
    return msgspec.json.encode({**fields, "mediaType": media_types.OCI_INDEX})


async def _body(request: web.Request) -> AsyncIterator[bytes]:
    async for chunk in request.content.iter_chunked(_CHUNK):
        yield chunk


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
