"""`cp` both ways, running and stopped, and what the writable layer says of it."""

from __future__ import annotations

import io
import tarfile
from collections.abc import AsyncIterator

import pytest

from tests.integration.engine.conftest import Inside
from wherry.errors import Forbidden, Invalid, NotFound

pytestmark = [pytest.mark.needs("root"), pytest.mark.asyncio(loop_scope="module")]


def archive(*members: tuple[str, bytes | None, int], links: dict[str, str] | None = None) -> bytes:
    """(name, content or None for a directory, uid) as a tar archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content, uid in members:
            info = tarfile.TarInfo(name)
            info.uid = info.gid = uid
            info.mtime = 1_700_000_000
            if content is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
            else:
                info.size = len(content)
            tar.addfile(info, io.BytesIO(content or b""))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
    return buffer.getvalue()


async def stream(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 1000):
        yield data[start : start + 1000]


async def read(inside: Inside, container: str, path: str) -> dict[str, tarfile.TarInfo]:
    _, pieces = await inside.engine.containers.copy_out(container, path)
    data = b"".join([piece async for piece in pieces])
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {member.name: member for member in tar.getmembers()}


@pytest.mark.parametrize("running", [True, False])
async def test_in_and_out(inside: Inside, running: bool) -> None:
    containers = inside.engine.containers
    one = await inside.create("sleep", "100")
    if running:
        await containers.start(one)
    await containers.copy_in(one, "/tmp", stream(archive(("d", None, 7), ("d/f", b"hello", 1000))))
    found = await read(inside, one, "/tmp/d")
    assert set(found) == {"d", "d/f"}
    assert (found["d/f"].size, found["d/f"].uid, found["d/f"].mtime) == (5, 1000, 1_700_000_000)
    stat = await containers.stat_path(one, "/tmp/d")
    assert stat.name == "d" and stat.mode & 1 << 31
    changed = {change.path: change.kind for change in await containers.changes(one)}
    assert changed["/tmp/d/f"] == 1
    with pytest.raises(NotFound, match="Could not find the file /nope in container"):
        await containers.stat_path(one, "/nope")
    with pytest.raises(Invalid, match="not a directory"):
        await containers.copy_in(one, "/tmp/d/f", stream(archive(("x", b"", 0))))
    await containers.remove(one, force=True)


async def test_links_stay_inside(inside: Inside) -> None:
    """CVE-2018-15664: an absolute link in the container means the container's own root."""
    containers = inside.engine.containers
    one = await inside.create("true")
    await containers.copy_in(one, "/", stream(archive(links={"escape": "/etc"})))
    await containers.copy_in(one, "/escape", stream(archive(("wherry-was-here", b"x", 0))))
    assert "wherry-was-here" in await read(inside, one, "/etc/wherry-was-here")
    assert (await containers.stat_path(one, "/escape")).link_target == "/etc"
    with pytest.raises(Invalid, match="outside"):
        await containers.copy_in(one, "/tmp", stream(archive(("../../oops", b"x", 0))))
    await containers.remove(one)


async def test_volumes_take_part_when_stopped(inside: Inside) -> None:
    containers = inside.engine.containers
    one = await inside.create("true", host={"binds": ["data:/data", "other:/other:ro"]})
    await containers.copy_in(one, "/data", stream(archive(("f", b"kept", 0))))
    with pytest.raises(Forbidden, match="read-only"):
        await containers.copy_in(one, "/other", stream(archive(("f", b"", 0))))
    assert "/data/f" not in {change.path for change in await containers.changes(one)}
    assert await inside.output("cat", "/d/f", host={"binds": ["data:/d"]}) == (0, "kept")
    await containers.remove(one)
    await inside.engine.volumes.remove("data")
    await inside.engine.volumes.remove("other")


async def test_commit_and_export(inside: Inside) -> None:
    one = await inside.create("sh", "-c", "echo made > /made", labels={"a": "b"})
    ended = inside.engine.containers.wait(one, "next-exit")
    await inside.engine.containers.start(one)
    await ended
    image = await inside.engine.containers.commit(one, repo="made", tag="1", changes=["CMD cat /made"])
    shown = await inside.engine.images.inspect("made:1")
    assert shown.id == image and (shown.config.labels or {})["a"] == "b"
    data = b"".join([piece async for piece in await inside.engine.containers.export(one)])
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert tar.getmember("made").size == 5
    await inside.engine.containers.remove(one)
    await inside.engine.images.remove("made:1")
