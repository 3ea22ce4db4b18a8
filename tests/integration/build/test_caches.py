"""Caches that are brought elsewhere and taken from there, by an engine that has never built before."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.harness.command import Command
from tests.harness.engine import EngineUnderTest, UnixConnection
from tests.harness.registry import RegistryUnderTest
from tests.integration.build.conftest import Build

pytestmark = [pytest.mark.needs("root")]

TEXT = """
FROM BASE AS tools
RUN head -c 20 /dev/urandom | base64 > /tool
FROM BASE
COPY a /a
RUN head -c 20 /dev/urandom | base64 > /random
COPY --from=tools /tool /copied
LABEL made=here
"""


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RegistryUnderTest]:
    home = tmp_path / "registry"
    home.mkdir()
    with RegistryUnderTest(home) as running:
        yield running


def _elsewhere(engine: EngineUnderTest, context: Path, *options: str) -> tuple[list[str], str]:
    """Build on another engine: the steps that were not cached, and the image's id."""
    done = engine.wherry("build", "--progress=rawjson", *options, str(context))
    events = [json.loads(line) for line in done.err.splitlines()]
    texts = {event["step"]: event["text"] for event in events if event.get("event") == "started"}
    ran = [
        texts[event["step"]]
        for event in events
        if event.get("event") == "done"
        and not event["cached"]
        and texts[event["step"]][:4] in ("RUN ", "COPY")
    ]
    return ran, done.line


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("kind", ["registry", "local", "inline"])
def test_a_fresh_engine_takes_what_another_one_made(
    build: Build,
    wherry: Command,
    context: Path,
    own_engine: EngineUnderTest,
    registry: RegistryUnderTest,
    tmp_path: Path,
    kind: str,
    mode: str,
) -> None:
    place = tmp_path / "cache"
    name = f"{registry.address}/built/cache:{kind}"
    if kind == "registry":
        there, here = f"type=registry,ref={name},mode={mode}", f"type=registry,ref={name}"
    elif kind == "local":
        there, here = f"type=local,dest={place},mode={mode}", f"type=local,src={place}"
    elif mode == "max":
        assert "only what is in the image" in build(TEXT, "--cache-to=type=inline,mode=max", code=1).err
        return
    else:
        there, here = "type=inline", name
    push = ["-t", name, "--push"] if kind == "inline" else []
    first = build(TEXT, f"--cache-to={there}", *push).line
    ran, image = _elsewhere(own_engine, context, f"--cache-from={here}")
    # mode=min has what the image consists of, and not what was copied from.
    assert ran == (
        []
        if mode == "max"
        else ["RUN head -c 20 /dev/urandom | base64 > /tool", "COPY --from=tools /tool /copied"]
    )
    shown = ("run", "--rm", "--network=none")
    there_is = wherry(*shown, first, "cat", "/random").out
    assert own_engine.wherry(*shown, image, "cat", "/random").out == there_is


def test_only_what_is_new_is_written(build: Build, context: Path, tmp_path: Path) -> None:
    place = tmp_path / "cache"
    option = f"--cache-to=type=local,dest={place},mode=max"
    build(TEXT, option)
    blobs = {path.name: path.stat().st_mtime_ns for path in (place / "blobs" / "sha256").iterdir()}
    build(TEXT + "RUN head -c 9 /dev/urandom > /more\n", option)
    after = {path.name: path.stat().st_mtime_ns for path in (place / "blobs" / "sha256").iterdir()}
    assert {name: after[name] for name in blobs} == blobs
    assert len(after) == len(blobs) + 3, "a layer, a manifest, a configuration"
    build(TEXT, f"{option},tag=other")
    tags = [
        one["annotations"]["org.opencontainers.image.ref.name"]
        for one in json.loads((place / "index.json").read_text())["manifests"]
    ]
    assert tags == ["latest", "other"]


def test_a_cache_that_is_damaged_or_not_there_only_costs_time(
    build: Build, context: Path, tmp_path: Path
) -> None:
    place = tmp_path / "cache"
    text = "FROM BASE\nRUN head -c 100000 /dev/urandom > /x\n"
    build(text, f"--cache-to=type=local,dest={place}")
    build("FROM BASE\n")
    for path in (place / "blobs" / "sha256").iterdir():
        if path.stat().st_size > 90000:
            path.write_bytes(path.read_bytes()[:-1] + b"!")
    options = [f"--cache-from=type=local,src={place}", "--cache-from=127.0.0.1:1/no/thing"]
    assert "failed to import the cache" in build(text, *options, "--no-cache").err


def test_classic_cache_from_goes_by_an_image_s_history(
    build: Build, context: Path, wherry: Command, own_engine: EngineUnderTest, tmp_path: Path
) -> None:
    text = "FROM BASE\nENV A=b\nRUN head -c 20 /dev/urandom > /random\n"
    build(text, "-t", "history:1")
    archive = tmp_path / "image.tar"
    wherry("save", "-o", str(archive), "history:1")
    own_engine.wherry("load", "-i", str(archive))
    said = _classic(own_engine, context, 'cachefrom=["history:1"]')
    assert said.count("Using cache") == 1
    assert "Using cache" not in _classic(own_engine, context, 'nocache=1&cachefrom=["history:1"]')


def _classic(engine: EngineUnderTest, context: Path, query: str) -> str:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(context, ".")
    connection = UnixConnection(engine.socket)
    try:
        connection.request("POST", f"/build?{quote(query, safe='=&')}", packed.getvalue())
        response = connection.getresponse()
        assert response.status == 200
        return response.read().decode()
    finally:
        connection.close()
