"""BuildKit's protocol, spoken to a real engine: solves, sessions, outputs, and what a hostile client gets."""

from __future__ import annotations

import asyncio
import io
import os
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest
from grpclib.exceptions import GRPCError

from tests.harness.buildkit_client import BuildKitClient
from tests.harness.engine import EngineUnderTest
from tests.images.build_context import make_context
from wherry.buildkit import messages as m

pytestmark = [pytest.mark.needs("root")]

IMAGE = m.Entry("moby", {"name": "over-grpc:1"})
TEXT = """
FROM BASE AS one
RUN --mount=type=secret,id=token cat /run/secrets/token && echo one > /one
FROM BASE
ARG WHAT
COPY . /c/
COPY --from=one /one /
RUN echo "$WHAT"; find /c | sort
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "context").mkdir()
    return make_context(tmp_path / "context")


@pytest.fixture
def client(engine: EngineUnderTest, folder: Path, image: str) -> BuildKitClient:
    (folder / "Dockerfile").write_text(TEXT.replace("BASE", image))
    return BuildKitClient(engine.socket, folder, known={"token": b"s3cret"})


async def test_a_build(client: BuildKitClient, engine: EngineUnderTest) -> None:
    answer = await client.build({"build-arg:WHAT": "asked", "label:a": "b", "no-cache": ""}, IMAGE)
    status, told = engine.api("GET", "/images/over-grpc:1/json")
    assert status == 200 and told["Id"] == answer["containerimage.config.digest"]
    assert told["Config"]["Labels"]["a"] == "b"
    assert "s3cret" in client.log and "asked\n" in client.log
    assert "/c/d/deep/y\n" in client.log and "/c/d/ignored" not in client.log
    assert "ignored" not in client.asked
    names = [vertex.name for vertex in client.vertexes.values()]
    assert any(name.endswith("COPY . /c/") for name in names)
    assert all(vertex.completed is not None for vertex in client.vertexes.values())
    await client.build({"build-arg:WHAT": "asked"}, IMAGE)
    assert sum(vertex.cached for vertex in client.vertexes.values()) >= 2


async def test_the_cache(client: BuildKitClient) -> None:
    await client.build({"no-cache": ""}, IMAGE)
    found = await client.call("DiskUsage", m.DiskUsageRequest(["type==source.local"]), m.DiskUsageResponse)
    assert "COPY . /c/" in [record.description for record in found.record]
    gone = await client.stream("Prune", m.PruneRequest(all=True), m.UsageRecord)
    assert {record.id for record in found.record} <= {record.id for record in gone}
    left = await client.call("DiskUsage", m.DiskUsageRequest(), m.DiskUsageResponse)
    assert not left.record
    with pytest.raises(GRPCError, match="invalid filter"):
        await client.call("DiskUsage", m.DiskUsageRequest(["nothing=x"]), m.DiskUsageResponse)


async def test_outputs(client: BuildKitClient) -> None:
    answer = await client.build({}, m.Entry("tar"), m.Entry("oci", {"name": "x:1"}))
    with tarfile.open(fileobj=io.BytesIO(client.received["0"])) as archive:
        assert archive.extractfile("one").read() == b"one\n"  # type: ignore[union-attr]
    with tarfile.open(fileobj=io.BytesIO(client.received["1"])) as archive:
        assert "oci-layout" in archive.getnames()
    assert answer["containerimage.digest"].startswith("sha256:")


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("FROM BASE\nRUN exit 7", {}, "returned a non-zero code: 7"),
        ("FROM BASE\nRUM x", {}, "unknown instruction: RUM"),
        ("FROM BASE\nCOPY nothing /", {}, "file not found in build context"),
        ("FROM BASE", {"target": "none"}, "target stage 'none' could not be found"),
        ("FROM BASE", {"filename": "../../etc/passwd"}, "Cannot locate specified Dockerfile"),
        ("FROM BASE", {"platform": "linux/amd64,linux/arm64"}, "platforms"),
        ("FROM BASE", {"ulimit": "nofile=x"}, "invalid ulimit"),
        ("FROM BASE", {"cache-imports": "nonsense"}, "cache-imports"),
        ("FROM BASE", {"context:other": "oci-layout://x"}, "not supported"),
        ("FROM BASE", {"requestid": "frontend.outline"}, "not answered"),
        ("FROM BASE\nRUN --security=insecure true", {}, "not allowed"),
    ],
)
async def test_refusals(
    client: BuildKitClient, folder: Path, image: str, text: str, options: dict[str, str], words: str
) -> None:
    (folder / "Dockerfile").write_text(text.replace("BASE", image))
    with pytest.raises(GRPCError) as refusal:
        await client.build(options, IMAGE)
    assert words in str(refusal.value.message)


async def test_an_archive_as_context(client: BuildKitClient, engine: EngineUnderTest) -> None:
    """As `docker build - < context.tar.gz` sends it."""
    (client.folder / "large").write_bytes(os.urandom(5 << 20))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.add(client.folder, ".")
    client.uploads["/one"] = packed.getvalue()
    answer = await client.build({"context": "http://buildkit-session/one", "no-cache": ""}, IMAGE)
    assert engine.api("GET", "/images/over-grpc:1/json")[1]["Id"] == answer["containerimage.config.digest"]
    assert "/c/large\n" in client.log and "/c/d/deep/y\n" in client.log and "/c/d/ignored" not in client.log
    assert not client.asked, "no directory is read"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("escape", "names a path outside"),
        ("nonsense", "in a tar header"),
        ("empty", "Cannot locate specified Dockerfile"),
        ("nothing", "there is no such upload"),
    ],
)
async def test_an_archive_that_is_none(client: BuildKitClient, name: str, words: str) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        if name == "escape":
            archive.addfile(tarfile.TarInfo("../../escape"))
    client.uploads |= {"/escape": packed.getvalue(), "/empty": packed.getvalue(), "/nonsense": b"x" * 5000}
    with pytest.raises(GRPCError) as refusal:
        await client.build({"context": f"http://buildkit-session/{name}"}, IMAGE)
    assert words in str(refusal.value.message)


async def test_only_dockerfiles(client: BuildKitClient) -> None:
    with pytest.raises(GRPCError, match="LLB"):
        await client.call("Solve", m.Solve("r", definition=m.Empty(), session="s"), m.SolveResponse)
    with pytest.raises(GRPCError):
        await client.call("Nothing", m.Empty(), m.Empty)


async def test_a_client_that_lies(client: BuildKitClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that lead outside are refused, wherever the client says that they come from."""
    real = client._stat

    def lying(path: Path) -> m.Stat:
        found = real(path)
        found.path = "../../escape" if path.name == "a.txt" else found.path
        return found

    monkeypatch.setattr(client, "_stat", lying)
    with pytest.raises(GRPCError) as refusal:
        await client.build({}, IMAGE)
    assert "names a path outside" in str(refusal.value.message)


@pytest.mark.parametrize("number", [0, 10_000, -1])
async def test_contents_that_nobody_asked_for(
    client: BuildKitClient, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    async def files(stream: Any) -> None:
        await stream.send_message(m.Packet(type=0, stat=m.Stat(path="d", mode=1 << 31 | 0o755)))
        await stream.send_message(m.Packet(type=0, stat=m.Stat(path="d", mode=1 << 24)))
        await stream.send_message(m.Packet(type=2, id=number, data=b"x"))
        await stream.recv_message()

    monkeypatch.setattr(client, "_files", files)
    with pytest.raises(GRPCError) as refusal:
        await client.build({}, IMAGE)
    assert "not asked for" in str(refusal.value.message) or "Cannot locate" in str(refusal.value.message)


@pytest.mark.parametrize("after", [None, 0.01, 0.02, 0.03, 0.05, 0.08])
async def test_a_client_that_goes(
    client: BuildKitClient, engine: EngineUnderTest, image: str, after: float | None
) -> None:
    """Seconds after it began, or while a step runs."""
    (client.folder / "Dockerfile").write_text(f"FROM {image}\nRUN touch /began{after} && sleep 600")
    building = asyncio.ensure_future(client.build({}, IMAGE))
    if after is not None:
        await asyncio.sleep(after)
    else:
        async with asyncio.timeout(30):
            while not engine.container_ids():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    building.cancel()
    await asyncio.gather(building, return_exceptions=True)
    work = engine.home / "state" / "build" / "work"
    deadline = time.monotonic() + 60
    while left := [*engine.container_ids(), *work.glob("*")]:
        assert time.monotonic() < deadline, (left, engine.log_text())
        await asyncio.sleep(0.05)


async def test_what_is_no_http2(engine: EngineUnderTest) -> None:
    """Neither nonsense after the upgrade nor a request without one hurts the engine."""
    assert engine.api("POST", "/grpc")[0] == 400
    for path in ("/grpc", "/session"):
        reader, writer = await asyncio.open_unix_connection(engine.socket)
        writer.write(
            f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n".encode()
        )
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"GET / HTTP/1.0\r\n\r\n" * 10)
        if path == "/grpc":  # the session's other side is a client, who may have more to say
            async with asyncio.timeout(30):
                await reader.read()
        writer.close()
    assert engine.answers()
