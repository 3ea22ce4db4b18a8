"""A pull-through cache before another registry of ours."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from tests.integration.registry.conftest import serve as run
from tests.integration.registry.server.conftest import Serve, digest_of
from wherry.registry.server.app import application
from wherry.registry.server.storage import Files


async def test_what_was_asked_for_once_is_here(serve: Serve, tmp_path: Path) -> None:
    runner, address = await run(application(Files(str(tmp_path / "remote"))))
    remote = await serve()
    remote.base = f"http://{address}"
    layer = os.urandom(3 << 20)
    _, digest = await remote.image("library/deb", "1", layer)
    cached = await serve(
        f'[[cache]]\nrepositories = "hub/*"\nremote = "http://{address}"\nfresh = "0s"\n', fresh=300
    )
    for _ in range(2):
        status, headers, _ = await cached.ask("GET", "/v2/hub/library/deb/manifests/1")
        assert (status, headers["Docker-Content-Digest"]) == (200, digest)
        path = f"/v2/hub/library/deb/blobs/{digest_of(layer)}"
        answers = await asyncio.gather(*(cached.ask("GET", path) for _ in range(5)))
        assert all((status, body) == (200, layer) for status, _, body in answers)
    assert (await cached.ask("GET", "/v2/hub/library/none/manifests/1"))[0] == 404
    assert (await cached.ask("GET", f"/v2/hub/library/deb/blobs/sha256:{'0' * 64}"))[0] == 404
    assert (await cached.ask("POST", "/v2/hub/library/deb/blobs/uploads/"))[0] == 405
    await remote.image("library/deb", "2", b"never asked for here")
    assert (await cached.ask("GET", "/v2/hub/library/deb/tags/list"))[2]["tags"] == ["1", "2"]
    assert (await cached.ask("GET", "/v2/hub/library/none/tags/list"))[0] == 404
    _, new = await remote.image("library/deb", "1", b"newer")
    _, headers, _ = await cached.ask("HEAD", "/v2/hub/library/deb/manifests/1")
    assert headers["Docker-Content-Digest"] == new
    await runner.cleanup()
    status, headers, _ = await cached.ask("GET", "/v2/hub/library/deb/manifests/1")
    assert (status, headers["Docker-Content-Digest"]) == (200, new)  # the other one is down
    assert (await cached.ask("GET", path))[2] == layer
    assert (await cached.ask("GET", "/v2/hub/library/deb/tags/list"))[2]["tags"] == ["1"]


async def test_a_client_that_leaves_does_not_stop_the_storing(serve: Serve, tmp_path: Path) -> None:
    runner, address = await run(application(Files(str(tmp_path / "remote"))))
    remote = await serve()
    remote.base = f"http://{address}"
    layer = os.urandom(30 << 20)
    await remote.image("deb", "1", layer)
    cached = await serve(f'[[cache]]\nrepositories = "*"\nremote = "http://{address}"\n', fresh=300)
    assert (await cached.ask("GET", "/v2/deb/manifests/1"))[0] == 200
    path = f"/v2/deb/blobs/{digest_of(layer)}"
    async with cached.http.get(cached.base + path) as response:
        await response.content.read(1000)
        response.close()
    for _ in range(600):
        if (
            tmp_path / "registry/objects/blobs/sha256" / digest_of(layer)[7:9] / digest_of(layer)[7:]
        ).exists():
            break
        await asyncio.sleep(0.1)
    await runner.cleanup()
    assert (await cached.ask("GET", path))[2] == layer
