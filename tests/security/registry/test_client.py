"""Credentials of one registry are for nobody else (CVE-2020-15157, and its relatives)."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from tests.integration.registry.conftest import serve as listen
from tests.integration.registry.conftest import stores
from tests.integration.registry.test_round_trip import LAYER, Liar, Stores, pull
from wherry.errors import NotFound
from wherry.oci import media_types
from wherry.registry.client.hosts import Host
from wherry.registry.client.session import Credentials, Session

__all__ = ["stores"]  # a fixture

DIGEST = f"sha256:{hashlib.sha256(LAYER).hexdigest()}"
ME = Credentials("me", "secret")


@asynccontextmanager
async def two(lead: Callable[[str], str]) -> AsyncIterator[tuple[str, Liar, Liar]]:
    """A registry that wants a password and sends blobs' askers to `lead(thief's address)`, and the thief."""
    liar, thief = Liar(), Liar()
    liar.image("x", LAYER)
    thief.answers["/blob"] = (LAYER, "application/octet-stream")

    async def guarded(request: web.Request) -> web.Response:
        if not request.headers.get("Authorization"):
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})
        if request.path.endswith(DIGEST):
            raise web.HTTPTemporaryRedirect(lead(thief_address))
        return await liar.handle(request)

    runners = []
    addresses = []
    for handler in (thief.handle, guarded):
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", handler)
        runner, address = await listen(app)
        runners.append(runner)
        addresses.append(address)
        thief_address = addresses[0]
    try:
        yield addresses[1], liar, thief
    finally:
        for runner in runners:
            await runner.cleanup()


async def test_a_redirect_to_another_host_carries_none(stores: Stores) -> None:
    async with two(lambda thief: f"http://{thief}/blob") as (address, _, thief):
        await pull(stores("a"), f"{address}/x", credentials=ME)
        assert thief.seen == [("/blob", "")]


async def test_what_the_other_host_asks_for_is_not_answered(stores: Stores) -> None:
    async with two(lambda thief: f"http://{thief}/nothing") as (address, _, thief):
        with pytest.raises(NotFound):
            await pull(stores("a"), f"{address}/x", credentials=ME)
        assert all(authorization == "" for _, authorization in thief.seen)


async def test_urls_of_foreign_layers_are_not_followed(stores: Stores) -> None:
    async with two(lambda thief: "/v2/x/elsewhere") as (address, liar, thief):
        layer = {
            "mediaType": media_types.OCI_FOREIGN_LAYER,
            "digest": DIGEST,
            "size": len(LAYER),
            "urls": ["http://169.254.169.254/latest", "file:///etc/passwd"],
        }
        liar.image("x", LAYER, manifest={"layers": [layer]})
        liar.answers["/v2/x/elsewhere"] = (LAYER, "application/octet-stream")
        image, _ = await pull(stores("a"), f"{address}/x", credentials=ME)
        assert image.layers == (DIGEST,) and thief.seen == []


async def test_netrc_is_not_read(stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".netrc").write_text("default login me password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    liar = Liar()
    liar.image("x", LAYER)
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", liar.handle)
    runner, address = await listen(app)
    try:
        await pull(stores("a"), f"{address}/x")
    finally:
        await runner.cleanup()
    assert all(authorization == "" for _, authorization in liar.seen)


def test_secrets_are_not_shown() -> None:
    assert "secret" not in repr(Credentials("me", "secret", "secret", "secret"))
    assert "secret" not in repr(Session(Host("https://x.example", plain=False, verify=True), ME)._credentials)
