"""Images to a registry and back, also when the way is bad."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from aiohttp import web

from tests.integration.registry.conftest import Cutting, archive, serve
from wherry.errors import Invalid, NotFound, Unauthorized, Unavailable
from wherry.oci import media_types, parse_reference
from wherry.oci.manifest import Platform
from wherry.registry.client.hosts import Hosts
from wherry.registry.client.platforms import parse_platform
from wherry.registry.client.pull import Puller
from wherry.registry.client.push import Pusher
from wherry.registry.client.session import Credentials
from wherry.store import Store
from wherry.store.images import Image

Stores = Callable[[str], Store]
HERE = parse_platform("linux/" + {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, "amd64"))


async def push(store: Store, image: Image, name: str) -> list[dict[str, Any]]:
    return [event async for event in Pusher(store).push(image, parse_reference(name), hosts=Hosts([]))]


async def pull(
    store: Store,
    name: str,
    *,
    hosts: Hosts | None = None,
    platform: Platform = HERE,
    credentials: Credentials | None = None,
) -> tuple[Image, list[str]]:
    said, image = [], None
    source = Puller(store).pull(
        parse_reference(name).tagged, hosts=hosts or Hosts([]), platform=platform, credentials=credentials
    )
    async for event in source:
        if isinstance(event, Image):
            image = event
        else:
            said.append(str(event.get("status")))
    assert image is not None
    return image, said


async def test_an_image_comes_back_as_it_went(registry: str, stores: Stores) -> None:
    data = os.urandom(300_000)
    image = stores("a").import_image([archive({"f": data})], "x:1", changes=["CMD /f", "ENV A=b"])
    events = await push(stores("a"), image, f"{registry}/team/x:1")
    assert events[-1]["aux"]["Tag"] == "1"
    got, said = await pull(stores("b"), f"{registry}/team/x:1")
    assert got.id == image.id
    assert got.config.config.env == ["A=b"]
    assert f"Digest: {events[-1]['aux']['Digest']}" in said
    by_digest, _ = await pull(stores("c"), f"{registry}/team/x@{events[-1]['aux']['Digest']}")
    assert by_digest.id == image.id
    _, said = await pull(stores("b"), f"{registry}/team/x:1")
    assert "Already exists" in said
    assert said[-1].startswith("Status: Image is up to date")


async def test_what_is_there_is_not_sent_again(registry: str, stores: Stores) -> None:
    store = stores("a")
    image = store.import_image([archive({"f": b"1" * 10_000})], "x:1")
    await push(store, image, f"{registry}/one/x:1")
    again = [event.get("status") for event in await push(store, image, f"{registry}/one/x:2")]
    assert "Layer already exists" in again
    mounted = [event.get("status") for event in await push(store, image, f"{registry}/two/x:1")]
    assert "Mounted from one/x" in mounted


@pytest.mark.parametrize("after", [40, 400, 50_000, 200_000])
async def test_a_cut_connection_is_gone_on_with(registry: str, stores: Stores, after: int) -> None:
    image = stores("a").import_image([archive({"f": os.urandom(400_000)})], "x:1")
    await push(stores("a"), image, f"{registry}/x:1")
    proxy = Cutting(registry)
    address = await proxy.start()
    proxy.after, proxy.cuts = after, 3
    got, _ = await pull(stores("b"), f"{address}/x:1")
    await proxy.close()
    assert got.id == image.id
    assert proxy.cuts < 3


async def test_a_registry_that_always_cuts_is_given_up_and_nothing_stays(
    registry: str, stores: Stores
) -> None:
    image = stores("a").import_image([archive({"f": os.urandom(400_000)})], "x:1")
    await push(stores("a"), image, f"{registry}/x:1")
    proxy = Cutting(registry)
    address = await proxy.start()
    proxy.after, proxy.cuts = 0, 1_000_000
    with pytest.raises(Unavailable):
        await pull(stores("b"), f"{address}/x:1")
    await proxy.close()
    assert stores("b").layers.all() == []


async def test_two_pulls_of_one_image_share_the_way(registry: str, stores: Stores) -> None:
    import asyncio

    image = stores("a").import_image([archive({"f": os.urandom(2_000_000)})], "x:1")
    await push(stores("a"), image, f"{registry}/x:1")
    puller, fetched = Puller(stores("b")), []

    async def one() -> None:
        source = puller.pull(parse_reference(f"{registry}/x:1"), hosts=Hosts([]), platform=HERE)
        fetched.append([event.get("status") async for event in source if isinstance(event, dict)])

    await asyncio.gather(one(), one())
    assert sum("Download complete" in said for said in fetched) == 1


async def test_what_is_not_there_is_said_in_dockers_words(registry: str, stores: Stores) -> None:
    with pytest.raises(NotFound, match=r"manifest for .*/nope:latest not found: manifest unknown"):
        await pull(stores("a"), f"{registry}/nope")
    refused = 'Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused'
    with pytest.raises(Unavailable, match=refused):
        await pull(stores("a"), "127.0.0.1:1/nope")


class Liar:
    """A registry that answers from a table of paths."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[bytes, str]] = {}
        self.seen: list[tuple[str, str]] = []

    async def handle(self, request: web.Request) -> web.Response:
        self.seen.append((request.path, request.headers.get("Authorization", "")))
        if request.path not in self.answers:
            return web.Response(status=404)
        body, kind = self.answers[request.path]
        return web.Response(body=body, headers={"Content-Type": kind})

    def image(self, name: str, layer: bytes, **lies: Any) -> None:
        """Offer an image of one layer; `lies` change what is said of it."""
        diff_id = f"sha256:{hashlib.sha256(layer).hexdigest()}"
        config = msgspec.json.encode(
            {
                "architecture": HERE.architecture,
                "os": "linux",
                "rootfs": {"type": "layers", "diff_ids": lies.get("diff_ids", [diff_id])},
            }
        )
        digest = f"sha256:{hashlib.sha256(config).hexdigest()}"
        manifest = {
            "schemaVersion": 2,
            "mediaType": media_types.OCI_MANIFEST,
            "config": {"mediaType": media_types.OCI_CONFIG, "digest": digest, "size": len(config)},
            "layers": [
                {
                    "mediaType": lies.get("type", media_types.OCI_LAYER),
                    "digest": lies.get("digest", diff_id),
                    "size": lies.get("size", len(layer)),
                }
            ],
            **lies.get("manifest", {}),
        }
        kind = lies.get("served_as", media_types.OCI_MANIFEST)
        self.answers[f"/v2/{name}/manifests/latest"] = (msgspec.json.encode(manifest), kind)
        self.answers[f"/v2/{name}/blobs/{digest}"] = (lies.get("config", config), "application/json")
        self.answers[f"/v2/{name}/blobs/{lies.get('digest', diff_id)}"] = (layer, "application/octet-stream")


LAYER = archive({"f": b"data"})
OTHER = f"sha256:{hashlib.sha256(b'other').hexdigest()}"


@pytest.mark.parametrize(
    ("lies", "message"),
    [
        ({"digest": OTHER}, "arrived with other contents"),
        ({"diff_ids": [OTHER]}, "has the digest"),
        ({"size": len(LAYER) - 1}, "is longer than"),
        ({"size": len(LAYER) + 1}, "bytes, not the"),
        ({"diff_ids": []}, "layers, but 0 diff ids"),
        ({"type": "text/plain"}, "is of the type 'text/plain'"),
        ({"config": b"{}"}, "bytes, not the|arrived with other contents"),
        ({"served_as": media_types.OCI_INDEX}, "was announced as"),
        ({"manifest": {"manifests": []}}, "ambiguous manifest"),
        ({"manifest": {"schemaVersion": 1}}, "unsupported manifest schema version"),
        ({"served_as": media_types.DOCKER_SCHEMA1_SIGNED}, "schema 1"),
    ],
)
async def test_a_registry_that_lies_is_not_believed(
    stores: Stores, lies: dict[str, Any], message: str
) -> None:
    liar = Liar()
    liar.image("x", LAYER, **lies)
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", liar.handle)
    runner, address = await serve(app)
    try:
        with pytest.raises(Invalid, match=message):
            await pull(stores("a"), f"{address}/x")
    finally:
        await runner.cleanup()
    assert stores("a").layers.all() == []
    assert stores("a").images.find(f"{address}/x") is None


async def test_credentials_do_not_follow_a_redirect_to_another_host(stores: Stores) -> None:
    liar, thief = Liar(), Liar()
    liar.image("x", LAYER)
    diff_id = f"sha256:{hashlib.sha256(LAYER).hexdigest()}"
    there = web.Application()
    there.router.add_route("*", "/{tail:.*}", thief.handle)
    thief.answers["/blob"] = (LAYER, "application/octet-stream")
    thief_runner, thief_address = await serve(there)

    async def guarded(request: web.Request) -> web.Response:
        if not request.headers.get("Authorization"):
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})
        if request.path.endswith(diff_id):
            raise web.HTTPTemporaryRedirect(f"http://{thief_address}/blob")
        return await liar.handle(request)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", guarded)
    runner, address = await serve(app)
    try:
        await pull(stores("a"), f"{address}/x", credentials=Credentials("me", "secret"))
        assert thief.seen == [("/blob", "")]
        assert all(authorization.startswith("Basic ") for _, authorization in liar.seen)
        with pytest.raises((Unauthorized, NotFound)):
            await pull(stores("b"), f"{address}/x")
    finally:
        await runner.cleanup()
        await thief_runner.cleanup()


async def test_a_registry_that_wants_a_pause_gets_it(registry: str, stores: Stores) -> None:
    liar, refusals = Liar(), [429, 503]
    liar.image("x", LAYER)

    async def busy(request: web.Request) -> web.Response:
        if refusals:
            return web.Response(status=refusals.pop(), headers={"Retry-After": "0"})
        return await liar.handle(request)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", busy)
    runner, address = await serve(app)
    try:
        image, _ = await pull(stores("a"), f"{address}/x")
    finally:
        await runner.cleanup()
    assert image.layers and refusals == []


async def test_a_mirror_that_fails_is_passed_over(registry: str, stores: Stores) -> None:
    image = stores("a").import_image([archive({"f": b"1"})], "x:1")
    await push(stores("a"), image, f"{registry}/x:1")
    hosts = Hosts([{"registry": {registry: {"mirrors": ["http://127.0.0.1:1"]}}}])
    got, said = await pull(stores("b"), f"{registry}/x:1", hosts=hosts)
    assert got.id == image.id
    assert any("trying the next" in line for line in said)
