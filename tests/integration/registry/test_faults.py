"""Bad ways and bad registries: cut at every kind of byte, stalled, too long, full disks, hostile answers."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web

from tests.integration.registry.conftest import archive, serve
from tests.integration.registry.test_round_trip import HERE, LAYER, Liar, Stores, pull, push
from wherry.errors import Invalid, NotFound, Unauthorized, Unavailable, WherryError
from wherry.oci import media_types, parse_reference
from wherry.registry.client import session as sessions
from wherry.registry.client import tags
from wherry.registry.client.hosts import Host, Hosts
from wherry.registry.client.session import Credentials, Session
from wherry.store import Store

# How much of an answer passes, given its head's and its body's length.
CUTS: dict[str, Callable[[int, int], int]] = {
    "before the status": lambda head, body: 0,
    "in the status": lambda head, body: 7,
    "in a header": lambda head, body: head - 9,
    "in the empty line": lambda head, body: head - 2,
    "before the body": lambda head, body: head,
    "after a byte": lambda head, body: head + 1,
    "before the last byte": lambda head, body: head + body - 1,
}


class Cutter:
    """Passes requests on to a registry, and cuts the answer to the first whose line has `target` in it."""

    def __init__(
        self, upstream: str, target: str, passing: Callable[[int, int], int], *, reset: bool
    ) -> None:
        self.upstream, self.target, self.passing, self.reset = upstream, target, passing, reset
        self.done = False

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            first = await reader.readexactly(1)
            if first != b"\x16":  # TLS is not spoken here
                await self._pass(first + await reader.readuntil(b"\r\n\r\n"), reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _pass(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = self.upstream.partition(":")
        source, sink = await asyncio.open_connection(host, int(port))
        sink.write(head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        answer = asyncio.ensure_future(source.read())
        body = asyncio.ensure_future(self._rest(reader, sink))
        data = await answer
        body.cancel()
        await asyncio.gather(body, return_exceptions=True)
        sink.close()
        if self.target.encode() in head.split(b"\r\n")[0] and not self.done:
            self.done = True
            length = data.index(b"\r\n\r\n") + 4
            writer.write(data[: self.passing(length, len(data) - length)])
            await writer.drain()
            if self.reset:
                writer.transport.abort()
            raise ConnectionResetError
        writer.write(data)
        await writer.drain()

    async def _rest(self, reader: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            sink.write(data)
            await sink.drain()


@asynccontextmanager
async def cutting(
    upstream: str, target: str, where: str, *, reset: bool
) -> AsyncIterator[tuple[str, Cutter]]:
    cutter = Cutter(upstream, target, CUTS[where], reset=reset)
    server = await asyncio.start_server(cutter.connection, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    try:
        yield f"{host}:{port}", cutter
    finally:
        server.close()
        await server.wait_closed()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between tries that a test can wait for."""
    monkeypatch.setattr(sessions, "pause_before", lambda attempt: 0.01)


@pytest.mark.parametrize("where", CUTS)
@pytest.mark.parametrize("what", ["/manifests/", "/blobs/config", "/blobs/layer"])
async def test_a_pull_survives_a_cut_at_every_kind_of_byte(
    registry: str, stores: Stores, what: str, where: str
) -> None:
    image = stores("a").import_image([archive({"f": os.urandom(50_000)})], "x:1")
    events = await push(stores("a"), image, f"{registry}/x:1")
    assert events
    target = f"/blobs/{image.id}" if what == "/blobs/config" else what
    if what == "/blobs/layer":
        async with aiohttp.ClientSession() as http, http.get(f"http://{registry}/v2/x/manifests/1") as answer:
            target = f"/blobs/{msgspec.json.decode(await answer.read())['layers'][0]['digest']}"
    async with cutting(registry, target, where, reset=where != "before the body") as (address, cutter):
        got, _ = await pull(stores("b"), f"{address}/x:1")
    assert cutter.done and got.id == image.id


@pytest.mark.parametrize("where", ["before the status", "in a header"])
@pytest.mark.parametrize("what", ["HEAD ", "POST ", "PATCH ", "PUT /v2/x/blobs", "PUT /v2/x/manifests"])
async def test_a_push_survives_a_cut_of_every_request(
    registry: str, stores: Stores, what: str, where: str
) -> None:
    image = stores("a").import_image([archive({"f": os.urandom(50_000)})], "x:1")
    async with cutting(registry, what, where, reset=True) as (address, cutter):
        await push(stores("a"), image, f"{address}/x:1")
    assert cutter.done
    got, _ = await pull(stores("b"), f"{registry}/x:1")
    assert got.id == image.id


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def answering(handler: Handler) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    runner, address = await serve(app)
    try:
        yield address
    finally:
        await runner.cleanup()


async def test_a_registry_that_stalls_is_asked_again(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        sessions, "_TIMEOUTS", aiohttp.ClientTimeout(total=None, sock_connect=1, sock_read=0.2)
    )
    liar, stalls = Liar(), 2
    liar.image("x", LAYER)

    async def handler(request: web.Request) -> web.StreamResponse:
        nonlocal stalls
        answer = await liar.handle(request)
        if stalls and request.path.endswith(hashlib.sha256(LAYER).hexdigest()):
            stalls -= 1
            response = web.StreamResponse(headers={"Content-Length": str(len(LAYER))})
            await response.prepare(request)
            await response.write(LAYER[:10])
            await asyncio.sleep(2)
            return response
        return answer

    async with answering(handler) as address:
        image, _ = await pull(stores("a"), f"{address}/x")
    assert image.layers and stalls == 0


async def test_a_registry_that_never_answers_is_given_up(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        sessions, "_TIMEOUTS", aiohttp.ClientTimeout(total=None, sock_connect=1, sock_read=0.05)
    )
    released = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        await released.wait()
        return web.Response()

    async with answering(handler) as address:
        with pytest.raises(Unavailable, match="did not answer in time"):
            await pull(stores("a"), f"{address}/x")
        released.set()


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_manifest_without_end_is_refused(stores: Stores, chunked: bool) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        headers = {"Content-Type": media_types.OCI_MANIFEST}
        response = web.StreamResponse(headers=headers)
        if not chunked:
            response.content_length = 1 << 40
        await response.prepare(request)
        try:
            while True:
                await response.write(b" " * 65536)
        except ConnectionError:
            return response

    async with answering(handler) as address:
        with pytest.raises(Invalid, match="answers with more than 4194304 bytes"):
            await pull(stores("a"), f"{address}/x")


def index_of(*digests: str, size: int) -> bytes:
    platform = {"architecture": HERE.architecture, "os": "linux"}
    entries = [
        {"mediaType": media_types.OCI_INDEX, "digest": one, "size": size, "platform": platform}
        for one in digests
    ]
    return msgspec.json.encode({"schemaVersion": 2, "mediaType": media_types.OCI_INDEX, "manifests": entries})


async def test_indexes_nested_too_deep_are_refused(stores: Stores) -> None:
    liar = Liar()
    document = b""
    for _ in range(7):
        digest = f"sha256:{hashlib.sha256(document).hexdigest()}"
        document = index_of(digest, size=len(document))
        own = f"sha256:{hashlib.sha256(document).hexdigest()}"
        liar.answers[f"/v2/x/manifests/{own}"] = (document, media_types.OCI_INDEX)
    liar.answers["/v2/x/manifests/latest"] = (document, media_types.OCI_INDEX)
    async with answering(liar.handle) as address:
        with pytest.raises(Invalid, match="nested more than 4 deep"):
            await pull(stores("a"), f"{address}/x")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (b"[" * 100_000, "not valid JSON|not a JSON object"),
        (b"{", "not valid JSON"),
        (b'{"schemaVersion": 2, "config": {}, "layers": []}', "malformed manifest"),
        (
            b'{"schemaVersion": 2, "layers": [],'
            b' "config": {"mediaType": "x", "digest": "sha1:00", "size": 1}}',
            "invalid digest",
        ),
        (
            b'{"schemaVersion": 2, "layers": [], "config": {"mediaType": "x", "digest": "sha256:'
            + b"0" * 64
            + b'", "size": -1}}',
            "negative size",
        ),
        (
            b'{"schemaVersion": 2, "layers": [], "config": {"mediaType": "'
            + media_types.OCI_CONFIG.encode()
            + b'", "digest": "sha256:'
            + b"0" * 64
            + b'", "size": 1000000000000}}',
            "is larger than",
        ),
        (
            b'{"schemaVersion": 2, "layers": [], "config": {"mediaType": "application/vnd.cncf.helm.config",'
            b' "digest": "sha256:' + b"0" * 64 + b'", "size": 1}}',
            "is no image",
        ),
    ],
)
async def test_hostile_manifests_are_refused(stores: Stores, fields: bytes, message: str) -> None:
    liar = Liar()
    liar.answers["/v2/x/manifests/latest"] = (fields, media_types.OCI_MANIFEST)
    async with answering(liar.handle) as address:
        with pytest.raises(Invalid, match=message):
            await pull(stores("a"), f"{address}/x")
    assert stores("a").layers.all() == []


async def test_a_manifest_that_names_a_layer_twice_has_it_twice(stores: Stores) -> None:
    liar = Liar()
    digest = f"sha256:{hashlib.sha256(LAYER).hexdigest()}"
    layer = {"mediaType": media_types.OCI_LAYER, "digest": digest, "size": len(LAYER)}
    liar.image("x", LAYER, diff_ids=[digest, digest], manifest={"layers": [layer, layer]})
    async with answering(liar.handle) as address:
        image, _ = await pull(stores("a"), f"{address}/x")
    assert image.layers == (digest, digest)
    assert sum(path.endswith(digest) for path, _ in liar.seen) == 1


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("file:///etc/passwd", "no web address"),
        ("http://[", "an address that is none"),
        ("/v2/x/manifests/latest", "in circles"),
    ],
)
async def test_redirects_lead_nowhere_they_must_not(stores: Stores, location: str, message: str) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(status=307, headers={"Location": location})

    async with answering(handler) as address:
        with pytest.raises(Invalid, match=message):
            await pull(stores("a"), f"{address}/x")


async def test_no_redirect_from_https_to_plain_http() -> None:
    host = Host("https://registry.example", plain=False, verify=True)
    session = Session(host)

    class Redirect:
        status, url = 307, "https://registry.example/v2/"
        headers = {"Location": "http://registry.example/v2/"}  # noqa: RUF012

        def release(self) -> None:
            pass

    async def once(*_: Any) -> Any:
        return Redirect()

    session._once = once  # type: ignore[method-assign, assignment]
    async with session:
        with pytest.raises(Invalid, match="which is not encrypted"):
            async with session.request("GET", "/v2/", scope=""):
                pass


@pytest.mark.parametrize("realm", ["http://thief.example/token", "ftp://x", ""])
async def test_a_token_server_that_may_not_be_trusted_gets_no_password(realm: str) -> None:
    host = Host("https://registry.example", plain=False, verify=True)
    session = Session(host, Credentials("me", "secret"))
    with pytest.raises(Invalid, match="names no token server that may be trusted"):
        async with session:
            await session._token({"realm": realm}, "")


async def test_what_can_not_get_better_is_not_tried_again(stores: Stores) -> None:
    seen: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append(request.path)
        return web.json_response({"errors": [{"code": "DENIED", "message": "no\x1b[2J"}]}, status=403)

    async with answering(handler) as address:
        with pytest.raises(WherryError) as caught:
            await pull(stores("a"), f"{address}/x")
    assert len(seen) == 1
    assert "denied: no[2J" in caught.value.message  # without the escape


async def test_a_registry_that_wants_too_long_a_pause_is_told_of(stores: Stores) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(status=429, headers={"Retry-After": "86400"})

    async with answering(handler) as address:
        with pytest.raises(Unavailable, match="asks to slow down"):
            await pull(stores("a"), f"{address}/x")


async def test_lists_of_tags_page_by_page_and_in_circles() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        if request.query.get("last") == "b" or "circle" in request.path:
            headers = {"Link": f'<{request.path_qs}>; rel="next"'} if "circle" in request.path else {}
            return web.json_response({"tags": ["c", "b", "../evil", 7, ""]}, headers=headers)
        link = f'<{request.path}?n=2&last=b>; rel="next"'
        return web.json_response({"tags": ["a", "b"]}, headers={"Link": link})

    async with answering(handler) as address, Session(Hosts([]).origin(address)) as session:
        assert await tags.list_tags(session, parse_reference(f"{address}/x")) == ["a", "b", "c"]
        with pytest.raises(Invalid, match="in circles"):
            await tags.list_tags(session, parse_reference(f"{address}/circle"))


@pytest.mark.needs("root")
async def test_a_full_disk_is_said_and_given_back(registry: str, stores: Stores, tmp_path: Path) -> None:
    image = stores("a").import_image([archive({f"f{n}": os.urandom(1_000_000) for n in range(12)})], "x:1")
    await push(stores("a"), image, f"{registry}/x:1")
    small = tmp_path / "small"
    small.mkdir()
    await asyncio.to_thread(run, "mount", "-t", "tmpfs", "-o", "size=8m", "small", str(small))
    try:
        store = Store(str(small / "state"), driver="copy")
        try:
            before = os.statvfs(small).f_bfree
            with pytest.raises(Unavailable, match=r"no space left|disk is full"):
                await pull(store, f"{registry}/x:1")
            assert store.layers.all() == []
            assert os.statvfs(small).f_bfree >= before - 16
            tiny = stores("a").import_image([archive({"f": b"1"})], "y:1")
            await push(stores("a"), tiny, f"{registry}/y:1")
            assert (await pull(store, f"{registry}/y:1"))[0].id == tiny.id
        finally:
            store.close()
    finally:
        await asyncio.to_thread(run, "umount", str(small))


def run(*command: str) -> None:
    subprocess.run(command, check=True)


async def test_an_image_that_is_not_there_or_not_allowed(stores: Stores) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})

    async with answering(handler) as address:
        with pytest.raises(NotFound, match="repository does not exist or may require"):
            await pull(stores("a"), f"{address}/x")
        image = stores("a").import_image([archive({"f": b"1"})], "x:1")
        with pytest.raises(Unauthorized, match="push access denied"):
            await push(stores("a"), image, f"{address}/x:1")


async def test_a_registry_that_can_be_searched() -> None:
    from wherry.registry.client.search import search

    async def handler(request: web.Request) -> web.StreamResponse:
        assert request.path == "/v1/search" and request.query["q"] == "a b"
        results = [{"name": "x/a", "description": None, "star_count": 3, "is_official": True}]
        return web.json_response({"num_results": 1, "results": results})

    async with answering(handler) as address, Session(Hosts([]).origin(address)) as session:
        (hit,) = await search(session, "a b", 25)
    assert hit == ("x/a", "", 3, True, False)
