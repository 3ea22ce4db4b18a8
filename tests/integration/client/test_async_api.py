"""The Python API for asyncio: the same operations, awaited, on one connection pool and one event loop."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import wherry
from tests.harness.engine import EngineUnderTest
from wherry.errors import NotFound, Unavailable

SERVE = ["sh", "-c", "mkdir /www; echo hi > /www/index.html; echo up; exec httpd -f -p 80 -h /www"]


@pytest.fixture
async def api(engine: EngineUnderTest) -> AsyncIterator[wherry.AsyncEngine]:
    async with wherry.AsyncEngine(engine.docker_host) as found:
        yield found


async def test_life(api: wherry.AsyncEngine, image: str) -> None:
    async with api.run(image, SERVE, ports=[80], name="life") as web:
        assert (await web.name, await web.status, await web.exit_code) == ("life", "running", None)
        assert await web.wait_for_log("up") == "up"
        host, port = await web.wait_for_port(80)
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        assert (await reader.read()).endswith(b"hi\n")
        writer.close()
        await web.write("/note", "text")
        assert await web.read("/note") == b"text"
        assert (await web.exec("cat", stdin=b"x" * 300_000)).stdout == b"x" * 300_000
        assert (await web.exec("echo hello")).text == "hello"
        with pytest.raises(wherry.CommandFailed):
            await web.exec("false", check=True)
        assert web in await api.containers.list()
        await web.stop(timeout=0)
        assert await web.wait() == 137
        with pytest.raises(TypeError, match="awaited"):
            bool(web.status)
    with pytest.raises(NotFound):
        await web.inspect()


async def test_many_at_once_and_cancelled(api: wherry.AsyncEngine, image: str) -> None:
    async with api.run(image, "sleep 60", init=True, network="none") as one:
        found = await asyncio.gather(*[one.exec(["echo", str(n)]) for n in range(8)])
        assert [result.text for result in found] == [str(n) for n in range(8)]
        waiting = asyncio.create_task(_awaited(one.wait()))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        with pytest.raises(Unavailable, match="did not write 'never'"):
            await one.wait_for_log("never", timeout=0.3)
        assert await one.status == "running"


async def _awaited(pending: object) -> object:
    return await pending  # type: ignore[misc]


async def test_streams(api: wherry.AsyncEngine, image: str, tmp_path: Path) -> None:
    begin = time.time() - 1
    async with api.run(image, "sh -c 'for i in 1 2 3; do echo $i; done'", network="none") as counting:
        assert [line async for line in counting.follow()] == ["1", "2", "3"]
        async for event in api.events(since=begin, filters={"container": [counting.id]}):
            assert event["Action"] == "create"
            break
        (tmp_path / "a").write_text("there and back")
        await counting.copy_to(tmp_path / "a", "/a")
        await counting.copy_from("/a", tmp_path / "b")
        assert (tmp_path / "b").read_text() == "there and back"
        archive = b"".join([piece async for piece in (await counting.image).save()])
    (loaded,) = await api.images.load(io.BytesIO(archive))
    assert (await loaded.inspect())["Id"] == loaded.id


async def test_networks_volumes_builds(api: wherry.AsyncEngine, image: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {image}\nCOPY Dockerfile /built\n")
    built = await api.images.build(tmp_path, "async-built")
    created = api.networks.create("async-net", subnet="10.219.1.0/24")
    async with created as net, api.volumes.create("async-data") as data:
        assert (await net.subnet, data.name) == ("10.219.1.0/24", "async-data")
        volumes = ["async-data:/data"]
        async with api.run("async-built", "sleep 60", init=True, network="async-net", volumes=volumes) as one:
            assert (await one.ip("async-net")).startswith("10.219.1.")
            assert b"COPY" in await one.read("/built")
    await built.remove(force=True)
    assert not await api.images.exists("async-built")
    with pytest.raises(NotFound):
        await api.networks.get("async-net")


async def test_an_application(engine: EngineUnderTest, image: str, tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text(f"name: asyncapp\nservices: {{web: {{image: {image}, command: sleep 60, init: true}}}}\n")
    api = wherry.AsyncEngine(engine.docker_host)
    async with wherry.AsyncApplication(file, engine=api) as app:
        await app.up()
        web = await app.container("web")
        assert await web.name == "asyncapp-web-1"
        await app.up(scale={"web": 2})
        assert len(await app.containers()) == 2
    assert engine.container_ids() == []


async def test_nothing_listens(tmp_path: Path) -> None:
    async with wherry.AsyncEngine(f"unix://{tmp_path}/none.sock") as api:
        with pytest.raises(Unavailable, match="cannot connect to the engine"):
            await api.ping()
