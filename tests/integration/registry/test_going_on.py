"""A pull goes on from what an earlier one has brought, also after a restart."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from aiohttp import web

from tests.integration.registry.conftest import Cutting, archive, serve
from tests.integration.registry.test_round_trip import Liar, pull, push
from wherry.errors import Unavailable
from wherry.oci import media_types
from wherry.registry.client import blobs
from wherry.registry.client import pull as pulling
from wherry.store import Store

SIZE = 24 << 20
CUT = 10 << 20


async def test_more_layers_than_threads(
    stores: Callable[[str], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulling, "_KEPT", 1)
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(6))
    liar, layers = Liar(), [archive({f"f{number}": os.urandom(300_000)}) for number in range(8)]
    digests = [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]
    described = [
        {"mediaType": media_types.OCI_LAYER, "digest": digest, "size": len(layer)}
        for digest, layer in zip(digests, layers, strict=True)
    ]
    liar.image("x", layers[0], diff_ids=digests, manifest={"layers": described})
    for digest, layer in zip(digests, layers, strict=True):
        liar.answers[f"/v2/x/blobs/{digest}"] = (layer, "application/octet-stream")
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", liar.handle)
    runner, address = await serve(app)
    try:
        image, _ = await asyncio.wait_for(pull(stores("a"), f"{address}/x"), 60)
    finally:
        await runner.cleanup()
    assert list(image.layers) == digests


async def interrupted(registry: str, here: Store, monkeypatch: pytest.MonkeyPatch) -> tuple[str, Cutting]:
    """Push an image from a store, and pull it half into another; its id and the proxy in between."""
    image = here.import_image([archive({"f": os.urandom(SIZE)})], "x:1")
    await push(here, image, f"{registry}/x:1")
    proxy = Cutting(registry)
    await proxy.start()
    proxy.after, proxy.cuts = CUT, 1
    monkeypatch.setattr(blobs, "_CUTS", 1)
    return image.id, proxy


@pytest.mark.parametrize("damaged", [False, True])
async def test_after_a_restart_only_the_rest_is_moved(
    registry: str,
    stores: Callable[[str], Store],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    damaged: bool,
) -> None:
    wanted, proxy = await interrupted(registry, stores("a"), monkeypatch)
    store = Store(str(tmp_path / "b"), driver="copy")
    with pytest.raises(Unavailable):
        await pull(store, f"{proxy.address}/x:1")
    assert store.layers.all() == []
    kept = store.blobs.arrivals.usage()
    assert CUT // 2 < kept <= CUT
    store.close()
    if damaged:
        (path,) = (tmp_path / "b" / "blobs" / "partial").iterdir()
        with path.open("r+b") as file:
            file.seek(CUT // 4)
            file.write(bytes(1 << 20))
    proxy.passed = 0
    store = Store(str(tmp_path / "b"), driver="copy")
    image, _ = await pull(store, f"{proxy.address}/x:1")
    assert image.id == wanted
    assert store.blobs.arrivals.usage() == 0
    assert (proxy.passed < SIZE - CUT // 2) is not damaged
    store.close()
    await proxy.close()
