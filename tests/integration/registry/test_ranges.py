"""Large layers come in ranges side by side, over cuts, and whole from registries that know no ranges."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from aiohttp import web

from tests.integration.registry.conftest import Cutting, archive, serve
from tests.integration.registry.test_round_trip import Liar, pull, push
from wherry.registry.client import blobs
from wherry.store import Store


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test has time for."""
    monkeypatch.setattr(blobs, "_LARGE", 1 << 20)
    monkeypatch.setattr(blobs, "_RANGE", 1 << 18)


@pytest.mark.parametrize("cuts", [0, 3])
async def test_a_large_layer_comes_in_ranges(
    registry: str, stores: Callable[[str], Store], cuts: int
) -> None:
    image = stores("a").import_image([archive({"f": os.urandom(3 << 20)})], "x:1")
    await push(stores("a"), image, f"{registry}/x:1")
    proxy = Cutting(registry)
    address = await proxy.start()
    proxy.after, proxy.cuts = 100_000, cuts
    got, _ = await pull(stores("b"), f"{address}/x:1")
    assert got.id == image.id
    assert proxy.connections >= 4
    assert proxy.cuts == 0
    assert proxy.passed < 5 << 20  # no range was asked for over and over
    await proxy.close()


async def test_a_registry_without_ranges_sends_it_whole(stores: Callable[[str], Store]) -> None:
    liar, seen = Liar(), []
    liar.image("x", archive({"f": os.urandom(2 << 20)}))

    async def handler(request: web.Request) -> web.Response:
        if asked := request.headers.get("Range"):
            seen.append(asked)
        return await liar.handle(request)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    runner, address = await serve(app)
    try:
        image, _ = await pull(stores("a"), f"{address}/x")
    finally:
        await runner.cleanup()
    assert image.layers
    assert seen == ["bytes=0-0"]
