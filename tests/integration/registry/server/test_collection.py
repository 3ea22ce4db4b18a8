"""Garbage collection beside a registry that is used."""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from pathlib import Path

import pytest

from tests.integration.registry.server.conftest import Serve, digest_of, manifest_of
from wherry.errors import Conflict
from wherry.registry.server.content import Content
from wherry.registry.server.names import blob_key
from wherry.registry.server.storage import Driver, Files
from wherry.registry.server.storage.objects import Objects
from wherry.registry.server.upkeep.checking import check
from wherry.registry.server.upkeep.collection import Collector
from wherry.registry.server.upkeep.lease import lease
from wherry.registry.server.upkeep.retention import Rule, retain


def age(root: Path, seconds: float) -> None:
    """Let everything be older."""
    then = time.time() - seconds
    for directory, _, names in os.walk(root):
        for name in names:
            os.utime(os.path.join(directory, name), (then, then))


def spoil(path: str) -> None:
    """One bit has flipped."""
    data = bytearray(Path(path).read_bytes())
    data[0] ^= 1
    Path(path).write_bytes(data)


def collector(tmp_path: Path) -> Collector:
    return Collector(Content(Files(str(tmp_path / "registry"))), grace=3600)


async def test_a_deleted_image_frees_what_only_it_needed(serve: Serve, tmp_path: Path) -> None:
    registry = await serve()
    status, first = await registry.image("team/a", "1", b"shared" * 100, b"only one" * 100)
    assert status == 201
    await registry.image("team/b", "1", b"shared" * 100, b"another")
    age(tmp_path / "registry" / "objects", 7200)
    assert (await collector(tmp_path).collect()).blobs == 0
    status, _, _ = await registry.ask("DELETE", f"/v2/team/a/manifests/{first}")
    assert status == 202
    before = sum(path.stat().st_size for path in (tmp_path / "registry" / "objects" / "blobs").rglob("*/*/*"))
    told = await collector(tmp_path).collect(dry_run=True)
    report = await collector(tmp_path).collect()
    after = sum(path.stat().st_size for path in (tmp_path / "registry" / "objects" / "blobs").rglob("*/*/*"))
    assert (report.links, report.blobs) == (3, 2)
    assert told.blobs == 2
    assert report.freed == told.freed == before - after > 800
    status, _, body = await registry.ask("GET", f"/v2/team/b/blobs/{digest_of(b'shared' * 100)}")
    assert (status, body) == (200, b"shared" * 100)
    assert (await registry.ask("HEAD", f"/v2/team/a/blobs/{digest_of(b'shared' * 100)}"))[0] == 404
    assert not list((tmp_path / "registry" / "objects").glob("c*"))  # no mark, no lease is left


async def test_young_blobs_stay(serve: Serve, tmp_path: Path) -> None:
    registry = await serve()
    await registry.blob("team/a", b"being pushed")
    assert (await collector(tmp_path).collect()).blobs == 0
    age(tmp_path / "registry" / "objects", 7200)
    assert (await collector(tmp_path).collect()).blobs == 1


async def test_a_blob_that_a_client_was_told_of_stays(serve: Serve, tmp_path: Path) -> None:
    registry = await serve(fresh=300)
    await registry.blob("team/a", b"left over from long ago")
    age(tmp_path / "registry" / "objects", 7200)
    path = f"/v2/team/a/blobs/{digest_of(b'left over from long ago')}"
    assert (await registry.ask("HEAD", path))[0] == 200
    assert (await collector(tmp_path).collect()).links == 0
    assert (await registry.ask("GET", path))[0] == 200


async def test_a_push_waits_for_the_decision(serve: Serve, tmp_path: Path) -> None:
    registry = await serve()
    driver = Files(str(tmp_path / "registry"))
    mark = f"condemned/{digest_of(b'x').replace(':', '-')}"
    await driver.write(mark, b"")
    pushing = asyncio.create_task(registry.blob("team/a", b"x"))
    await asyncio.sleep(0.3)
    assert not pushing.done()
    await driver.delete(mark)
    assert await pushing == 201


async def test_unfinished_uploads_go_after_a_day(serve: Serve, tmp_path: Path) -> None:
    registry = await serve()
    _, headers, _ = await registry.ask("POST", "/v2/team/a/blobs/uploads/")
    assert (await registry.ask("PATCH", headers["Location"], data=b"12345"))[0] == 202
    assert (await collector(tmp_path).collect()).uploads == 0
    age(tmp_path / "registry" / "uploads", 100_000)
    report = await collector(tmp_path).collect()
    assert (report.uploads, report.freed) == (1, 5)
    assert (await registry.ask("GET", headers["Location"]))[0] == 404


async def test_one_collector_at_a_time(tmp_path: Path) -> None:
    driver = Files(str(tmp_path / "registry"))
    async with lease(driver):
        with pytest.raises(Conflict):
            await collector(tmp_path).collect()
    await collector(tmp_path).collect()


async def test_a_damaged_manifest_keeps_its_repository(serve: Serve, tmp_path: Path) -> None:
    registry = await serve()
    _, digest = await registry.image("team/a", "1", b"precious")
    objects = tmp_path / "registry" / "objects"
    path = objects / "repositories/team/a/_manifests" / digest.replace(":", "-")
    path.write_bytes(path.read_bytes().replace(b"schemaVersion", b"schemaVersioN"))
    age(objects, 7200)
    report = await collector(tmp_path).collect()
    assert (report.blobs, report.kept) == (0, ("team/a",))
    assert (await registry.ask("GET", "/v2/team/a/manifests/1"))[0] == 404
    findings = [finding async for finding in check(Content(Files(str(tmp_path / "registry"))))]
    assert [(one.kind, one.digest) for one in findings] == [("damaged", digest)]


@pytest.mark.parametrize("kind", ["files", "memory"])
async def test_pushes_deletions_and_collections_all_at_once(serve: Serve, tmp_path: Path, kind: str) -> None:
    """No image whose push was confirmed, and that nobody deleted, ever lacks a blob."""
    if kind == "memory":
        from obstore.store import MemoryStore

        driver: Driver = Objects(MemoryStore())
    else:
        driver = Files(str(tmp_path / "registry"))
    registry = await serve(driver=driver, fresh=0.2)
    chance = random.Random(4)
    layers = [bytes([number]) * 500 for number in range(6)]
    standing: dict[tuple[str, str], list[bytes]] = {}
    until = time.monotonic() + 5
    count = 0
    freed: list[int] = []

    async def pusher(number: int) -> None:
        nonlocal count
        while time.monotonic() < until:
            name, chosen = f"team/{number % 2}", [chance.choice(layers), chance.randbytes(300)]
            config = b"{}" + b" " * number
            for data in (config, *chosen):
                # as clients do: look, and send only what is not there
                if (await registry.ask("HEAD", f"/v2/{name}/blobs/{digest_of(data)}"))[0] != 200:
                    assert await registry.blob(name, data) == 201
            manifest = manifest_of(config, *chosen)
            status, _, _ = await registry.put(name, f"t{number}", manifest)
            if status == 404:
                continue  # it took longer than the grace time, was told, and begins again
            assert status == 201
            count += 1
            for data in (config, *chosen):
                status, _, body = await registry.ask("GET", f"/v2/{name}/blobs/{digest_of(data)}")
                assert (status, body) == (200, data)
            standing[(name, f"t{number}")] = [config, *chosen]
            if chance.random() < 0.7:
                del standing[(name, f"t{number}")]
                await registry.ask("DELETE", f"/v2/{name}/manifests/{digest_of(manifest)}")

    async def collecting() -> None:
        while time.monotonic() < until:
            one = Collector(Content(driver, fresh=0.2), grace=1)
            freed.append((await one.collect()).freed)
            await asyncio.sleep(0.01)

    await asyncio.gather(*(pusher(number) for number in range(4)), collecting())
    assert count > 20
    assert sum(freed) > 0
    for (name, tag), blobs in standing.items():
        if (await registry.ask("GET", f"/v2/{name}/manifests/{tag}"))[0] != 200:
            continue  # the same manifest under another tag was deleted
        for data in blobs:
            status, _, body = await registry.ask("GET", f"/v2/{name}/blobs/{digest_of(data)}")
            assert (status, body) == (200, data)


async def test_damaged_blobs_are_found_refused_and_mended_by_a_push(serve: Serve, tmp_path: Path) -> None:
    registry = await serve()
    await registry.image("team/a", "1", b"fine", b"will rot")
    driver = Files(str(tmp_path / "registry"))
    digest = digest_of(b"will rot")
    spoil(driver.path(blob_key(digest)))
    findings = [finding async for finding in check(Content(driver))]
    assert [(one.kind, one.digest, one.where) for one in findings] == [("damaged", digest, ("team/a",))]
    for method in ("GET", "HEAD"):
        assert (await registry.ask(method, f"/v2/team/a/blobs/{digest}"))[0] == 404
    assert await registry.blob("team/a", b"will rot") == 201
    assert (await registry.ask("GET", f"/v2/team/a/blobs/{digest}"))[2] == b"will rot"
    assert [finding async for finding in check(Content(driver))] == []
    os.unlink(driver.path(blob_key(digest)))
    findings = [finding async for finding in check(Content(driver))]
    assert [(one.kind, one.digest) for one in findings] == [("missing", digest)]


async def test_retention(serve: Serve, tmp_path: Path) -> None:
    registry = await serve()
    content = Content(Files(str(tmp_path / "registry")))
    for number in range(5):
        await registry.image("team/a", f"ci-{number}", b"layer %d" % number)
    await registry.image("team/a", "release", b"layer 0")
    await registry.image("other/a", "ci-1", b"layer 1")
    rules = [Rule("team/*", "ci-*", keep=2, older=0, untagged=None)]
    told = await retain(content, rules, dry_run=True)
    assert [one.reference for one in told] == ["ci-2", "ci-1", "ci-0"]
    assert (await content.tags("team/a"))[-1] == "release"
    assert await retain(content, rules) == told
    assert await content.tags("team/a") == ["ci-3", "ci-4", "release"]
    assert await content.tags("other/a") == ["ci-1"]
    young = [Rule("*", "*", keep=0, older=3600, untagged=None)]
    assert await retain(content, young) == []


async def test_retention_of_untagged_manifests_keeps_what_leads_somewhere(
    serve: Serve, tmp_path: Path
) -> None:
    registry = await serve()
    content = Content(Files(str(tmp_path / "registry")))
    _, part = await registry.image("team/a", "part", b"of an index")
    _, lost = await registry.image("team/a", "lost", b"lost")
    index = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [
                {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": part, "size": 1}
            ],
        }
    ).encode()
    headers = {"Content-Type": "application/vnd.oci.image.index.v1+json"}
    status, _, _ = await registry.ask("PUT", "/v2/team/a/manifests/multi", data=index, headers=headers)
    assert status == 201
    for tag in ("part", "lost"):
        await registry.ask("DELETE", f"/v2/team/a/manifests/{tag}")
    rules = [Rule("*", "*", keep=0, older=0, untagged=3600)]
    assert await retain(content, rules) == []  # too young
    age(tmp_path / "registry" / "objects", 7200)
    assert [one.reference for one in await retain(content, rules)] == [lost]
    assert (await registry.ask("GET", f"/v2/team/a/manifests/{part}"))[0] == 200
