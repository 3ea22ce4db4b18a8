"""A registry in the test's own loop, and a small client that shows every status."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from wherry.oci import media_types
from wherry.registry.server.app import application
from wherry.registry.server.assembly import assemble
from wherry.registry.server.settings import read
from wherry.registry.server.storage import Files


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Talk:
    """Requests to a registry, as one account or as nobody."""

    def __init__(self, http: aiohttp.ClientSession, base: str, headers: dict[str, str] | None = None) -> None:
        self.http = http
        self.base = base
        self.headers = headers or {}

    def as_account(self, name: str, password: str) -> Talk:
        return Talk(self.http, self.base, {"Authorization": aiohttp.encode_basic_auth(name, password)})

    def with_token(self, token: str) -> Talk:
        return Talk(self.http, self.base, {"Authorization": f"Bearer {token}"})

    async def ask(self, method: str, path: str, **more: Any) -> tuple[int, Any, Any]:
        """(status, headers, body: JSON where it is)."""
        headers = {**self.headers, **more.pop("headers", {})}
        url = path if "://" in path else self.base + path
        async with self.http.request(method, url, headers=headers, **more) as response:
            body: Any = await response.read()
            if "json" in response.headers.get("Content-Type", "") and body:
                body = json.loads(body)
            return response.status, response.headers, body

    async def blob(self, name: str, data: bytes) -> int:
        status, headers, _ = await self.ask("POST", f"/v2/{name}/blobs/uploads/")
        if status != 202:
            return status
        where = f"{headers['Location']}?digest={digest_of(data)}"
        status, _, _ = await self.ask("PUT", where, data=io.BytesIO(data))
        return status

    async def image(self, name: str, tag: str, *layers: bytes) -> tuple[int, str]:
        """Push an image with these layers: the manifest's status and digest."""
        config = json.dumps({"of": [digest_of(layer) for layer in layers]}).encode()
        for data in (config, *layers):
            status = await self.blob(name, data)
            if status != 201:
                return status, ""
        manifest = manifest_of(config, *layers)
        status, _, _ = await self.put(name, tag, manifest)
        return status, digest_of(manifest)

    async def put(self, name: str, reference: str, manifest: bytes) -> tuple[int, Any, Any]:
        headers = {"Content-Type": media_types.OCI_MANIFEST}
        return await self.ask("PUT", f"/v2/{name}/manifests/{reference}", data=manifest, headers=headers)


def manifest_of(config: bytes, *layers: bytes) -> bytes:
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": media_types.OCI_MANIFEST,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": digest_of(config),
                "size": len(config),
            },
            "layers": [
                {
                    "mediaType": "application/vnd.oci.image.layer.v1.tar",
                    "digest": digest_of(layer),
                    "size": len(layer),
                }
                for layer in layers
            ],
        }
    ).encode()


Serve = Callable[..., Awaitable[Talk]]


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    """Makes registries over tmp_path/registry from a piece of configuration."""
    runners: list[web.AppRunner] = []
    sessions: list[aiohttp.ClientSession] = []

    async def make(config: str = "", *, fresh: float = 0.0, driver: Any = None) -> Talk:
        path = tmp_path / "registry.toml"
        path.write_text(config)
        settings = read(str(path), {"storage": str(tmp_path / "registry")})
        storage = driver or Files(settings.storage)
        mine = assemble(settings, storage)
        app = application(
            storage, grants=settings.grants(), with_parts=mine, fresh=fresh, caches=settings.cache
        )
        runner = web.AppRunner(app)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        session = aiohttp.ClientSession(auto_decompress=False)
        sessions.append(session)
        return Talk(session, f"http://{host}:{port}")

    yield make
    for session in sessions:
        await session.close()
    for runner in runners:
        await runner.cleanup()
