"""What every storage of a registry promises (wherry.registry.server.storage), each kind tried alike."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from obstore.store import LocalStore, MemoryStore

from tests.harness.azure_storage import AzureStorage
from tests.harness.bucket import Bucket
from tests.harness.google_storage import GoogleStorage
from wherry.registry.server.storage import Driver, Files, Missing
from wherry.registry.server.storage.objects import Objects, connect


@pytest.fixture(scope="module")
def bucket() -> Iterator[Bucket]:
    with Bucket() as running:
        yield running


@pytest.fixture(scope="module")
def google() -> Iterator[GoogleStorage]:
    with GoogleStorage() as running:
        yield running


@pytest.fixture(scope="module")
def azure() -> Iterator[AzureStorage]:
    with AzureStorage() as running:
        yield running


@pytest.fixture(params=["files", "memory", "local", "bucket", "google", "azure"])
def driver(request: pytest.FixtureRequest, tmp_path: Path) -> Driver:
    if request.param == "files":
        return Files(str(tmp_path / "files"))
    if request.param == "memory":
        return Objects(MemoryStore())
    if request.param == "local":
        (tmp_path / "local").mkdir()
        return Objects(LocalStore(str(tmp_path / "local")))
    remote: Bucket | GoogleStorage | AzureStorage = request.getfixturevalue(request.param)
    url, options = remote.storage(f"prefix-{tmp_path.name}")
    return connect(url, options)


async def pieces(*data: bytes) -> AsyncIterator[bytes]:
    for one in data:
        yield one


async def whole(driver: Driver, key: str, start: int, end: int) -> bytes:
    return b"".join([chunk async for chunk in driver.stream(key, start, end)])


async def test_an_object_is_read_back_whole_and_in_part(driver: Driver) -> None:
    assert await driver.write("a/b/c", b"0123456789")
    assert await driver.read("a/b/c") == b"0123456789"
    about = await driver.about("a/b/c")
    assert about.size == 10
    assert abs(about.changed - time.time()) < 10
    assert await whole(driver, "a/b/c", 0, 10) == b"0123456789"
    assert await whole(driver, "a/b/c", 3, 5) == b"34"


async def test_what_is_not_there_is_missing(driver: Driver) -> None:
    with pytest.raises(Missing):
        await driver.read("a/none")
    with pytest.raises(Missing):
        await driver.about("a/none")
    with pytest.raises(Missing):
        await whole(driver, "a/none", 0, 1)
    with pytest.raises(Missing):
        await driver.uploaded("f" * 32)
    with pytest.raises(Missing):
        await driver.finish("f" * 32, "a/key", 0)
    assert not await driver.delete("a/none")
    assert [key async for key, _ in driver.keys("a/")] == []


async def test_writing_replaces_unless_it_must_be_new(driver: Driver) -> None:
    assert await driver.write("t/x", b"one", new=True)
    assert not await driver.write("t/x", b"two", new=True)
    assert await driver.read("t/x") == b"one"
    assert await driver.write("t/x", b"three")
    assert await driver.read("t/x") == b"three"


async def test_of_many_that_make_a_new_object_at_once_one_succeeds(driver: Driver) -> None:
    made = await asyncio.gather(*(driver.write("t/y", b"%d" % one, new=True) for one in range(8)))
    assert sum(made) == 1
    assert await driver.read("t/y") == b"%d" % made.index(True)


async def test_keys_by_prefix(driver: Driver) -> None:
    for key in ("r/a/_tags/1", "r/a/_tags/2", "r/ab/_tags/3", "r/b/_tags/4"):
        await driver.write(key, b"x")
    assert sorted([key async for key, _ in driver.keys("r/a/_tags/")]) == ["r/a/_tags/1", "r/a/_tags/2"]
    assert sorted([key async for key, _ in driver.keys("r/a")]) == [
        "r/a/_tags/1",
        "r/a/_tags/2",
        "r/ab/_tags/3",
    ]
    assert len([key async for key, _ in driver.keys("r/")]) == 4
    assert await driver.delete("r/a/_tags/1")
    assert [key async for key, _ in driver.keys("r/a/_tags/")] == ["r/a/_tags/2"]


async def test_an_upload_in_pieces_becomes_an_object(driver: Driver) -> None:
    upload = "a" * 32
    assert await driver.append(upload, 0, pieces(b"one", b"two")) == 6
    assert await driver.append(upload, 6, pieces(b"three" * 1000)) == 5006
    assert await driver.uploaded(upload) == 5006
    assert [(name, about.size) async for name, about in driver.uploads()] == [(upload, 5006)]
    expected = b"onetwo" + b"three" * 1000
    assert b"".join([chunk async for chunk in driver.upload_bytes(upload)]) == expected
    await driver.finish(upload, "blobs/x", 5006)
    assert await driver.read("blobs/x") == expected
    with pytest.raises(Missing):
        await driver.uploaded(upload)


async def test_an_upload_may_be_empty_and_large(driver: Driver) -> None:
    assert await driver.append("b" * 32, 0, pieces()) == 0
    assert await driver.uploaded("b" * 32) == 0
    await driver.finish("b" * 32, "blobs/empty", 0)
    assert (await driver.about("blobs/empty")).size == 0
    large = [bytes([number]) * (1 << 20) for number in range(20)]
    assert await driver.append("c" * 32, 0, pieces()) == 0
    assert await driver.append("c" * 32, 0, pieces(*large)) == 20 << 20
    await driver.finish("c" * 32, "blobs/large", 20 << 20)
    assert await whole(driver, "blobs/large", (5 << 20) - 1, (5 << 20) + 1) == b"\4\5"


async def test_finishing_over_the_same_object(driver: Driver) -> None:
    for upload in ("d" * 32, "e" * 32):
        await driver.append(upload, 0, pieces(b"same"))
        await driver.finish(upload, "blobs/same", 4)
    assert await driver.read("blobs/same") == b"same"


async def test_bytes_belong_where_the_upload_is(driver: Driver) -> None:
    upload = "a" * 32
    await driver.append(upload, 0, pieces(b"12345"))
    for offset in (0, 4, 6):
        with pytest.raises(ValueError):
            await driver.append(upload, offset, pieces(b"x"))
    with pytest.raises(ValueError):
        await driver.finish(upload, "blobs/y", 4)
    assert await driver.uploaded(upload) == 5


async def test_what_arrived_before_a_cut_stays(driver: Driver) -> None:
    async def cut() -> AsyncIterator[bytes]:
        yield b"arrived"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await driver.append("a" * 32, 0, cut())
    assert await driver.uploaded("a" * 32) == 7
    assert await driver.append("a" * 32, 7, pieces(b", and more")) == 17
    await driver.finish("a" * 32, "blobs/z", 17)
    assert await driver.read("blobs/z") == b"arrived, and more"


async def test_a_dropped_upload_is_gone_and_may_be_dropped_again(driver: Driver) -> None:
    await driver.append("a" * 32, 0, pieces(b"x"))
    await driver.drop("a" * 32)
    await driver.drop("a" * 32)
    with pytest.raises(Missing):
        await driver.uploaded("a" * 32)


async def test_two_sides_that_append_never_mix_their_bytes(driver: Driver) -> None:
    """Whatever becomes an object is what one side has sent."""
    begun = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"a" * 1000
        begun.set()
        await asyncio.sleep(0.3)
        yield b"a" * 1000

    first = asyncio.create_task(driver.append("a" * 32, 0, slow()))
    await begun.wait()
    second = await asyncio.gather(driver.append("a" * 32, 0, pieces(b"b" * 2000)), return_exceptions=True)
    await asyncio.gather(first, return_exceptions=True)
    try:
        await driver.finish("a" * 32, "blobs/mixed", 2000)
    except ValueError:
        return
    assert isinstance(second[0], ValueError) or await driver.read("blobs/mixed") == b"b" * 2000
    assert len(set(await driver.read("blobs/mixed"))) == 1


async def test_an_upload_that_is_written_to_does_not_become_an_object(driver: Driver) -> None:
    """Else a writer could go on changing an object that was verified."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        begun.set()
        await go_on.wait()
        yield b"poison"

    await driver.append("a" * 32, 0, pieces(b"good"))
    writing = asyncio.create_task(driver.append("a" * 32, 4, slow()))
    await begun.wait()
    try:
        await driver.finish("a" * 32, "blobs/verified", 4)
    except ValueError:
        go_on.set()
        await writing
        return
    go_on.set()
    await asyncio.gather(writing, return_exceptions=True)
    assert await driver.read("blobs/verified") == b"good"
