"""Registries behind a proxy: a real one, which alone knows where the registry's name leads."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiohttp import web

from tests.harness.docker_registry import certificate
from tests.harness.proxy import Proxy
from tests.integration.registry.conftest import archive
from tests.integration.registry.test_round_trip import HERE
from wherry.errors import Unavailable
from wherry.oci import parse_reference
from wherry.registry.client import session
from wherry.registry.client.hosts import Hosts
from wherry.registry.client.pull import Puller
from wherry.registry.client.push import Pusher
from wherry.registry.server.app import application
from wherry.registry.server.storage import Files
from wherry.store import Store
from wherry.store.images import Image

NAME = "registry.test"  # which no resolver knows (RFC 6761)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    yield


async def there_and_back(stores: Callable[[str], Store], hosts: Hosts) -> None:
    image = stores("a").import_image([archive({"f": os.urandom(300_000)})], "x:1")
    target = parse_reference(f"{NAME}/team/x:1")
    async for _ in Pusher(stores("a")).push(image, target, hosts=hosts):
        pass
    got = [one async for one in Puller(stores("b")).pull(target, hosts=hosts, platform=HERE)]
    assert isinstance(got[-1], Image)
    assert got[-1].id == image.id


async def test_plain_http(
    registry: str, stores: Callable[[str], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Proxy(registry) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.address}")
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.address}")
        await there_and_back(stores, Hosts([{"insecure": [NAME]}]))
    assert f"CONNECT {NAME}:443 HTTP/1.1" in proxy.seen  # HTTPS is tried first
    assert any(line.startswith(f"PUT http://{NAME}/v2/team/x/manifests/1") for line in proxy.seen)
    assert any(line.startswith(f"GET http://{NAME}/v2/team/x/manifests/1") for line in proxy.seen)


async def test_https_through_a_tunnel_with_a_password(
    stores: Callable[[str], Store], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate(tmp_path, "ca")
    certificate(tmp_path, NAME, issuer="ca", names=f"DNS:{NAME}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / f"{NAME}.crt", tmp_path / f"{NAME}.key")
    runner = web.AppRunner(application(Files(str(tmp_path / "registry"))))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    host, port = runner.addresses[0][:2]
    hosts = Hosts([{"registry": {NAME: {"ca": str(tmp_path / "ca.crt")}}}])
    async with Proxy(f"{host}:{port}", credentials="me:se cret") as proxy:
        monkeypatch.setenv("https_proxy", f"http://me:se%20cret@{proxy.address}")
        await there_and_back(stores, hosts)
        assert set(proxy.seen) == {f"CONNECT {NAME}:443 HTTP/1.1"}
        monkeypatch.setenv("https_proxy", f"http://me:wrong@{proxy.address}")
        with pytest.raises(Unavailable, match="the proxy answers 407"):
            await there_and_back(stores, hosts)
    await runner.cleanup()


async def test_a_proxy_that_is_not_there(
    stores: Callable[[str], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setattr(session, "pause_before", lambda attempt: 0.01)
    refused = r"proxyconnect tcp: dial tcp 127\.0\.0\.1:1: connect: connection refused"
    with pytest.raises(Unavailable, match=refused):
        await there_and_back(stores, Hosts([]))
