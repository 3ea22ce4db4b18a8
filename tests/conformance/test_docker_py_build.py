"""docker-py's `images.build` against the engine."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.engine import EngineUnderTest

docker = pytest.importorskip("docker")

pytestmark = [pytest.mark.needs("root")]


@pytest.fixture
def client(engine: EngineUnderTest) -> Iterator[Any]:
    opened = docker.DockerClient(base_url=engine.docker_host)
    yield opened
    opened.close()


def test_a_directory(client: Any, image: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {image}\nARG V\nCOPY a /a\nRUN echo $V > /v\nLABEL x=y\n")
    (tmp_path / "a").write_text("a\n")
    built, log = client.images.build(
        path=str(tmp_path), tag="by-py:1", buildargs={"V": "7"}, labels={"l": "m"}, rm=True
    )
    assert any("Successfully tagged by-py:1" in line.get("stream", "") for line in log)
    assert built.labels == {"x": "y", "l": "m"}
    assert client.containers.run("by-py:1", "cat /a /v", remove=True, network_mode="none") == b"a\n7\n"
    client.images.remove("by-py:1")


def test_an_archive_and_a_failure(client: Any, image: str) -> None:
    data = io.BytesIO()
    text = f"FROM {image}\nRUN exit 4\n".encode()
    with tarfile.open(fileobj=data, mode="w") as archive:
        member = tarfile.TarInfo("Dockerfile")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))
    data.seek(0)
    with pytest.raises(docker.errors.BuildError, match="non-zero code: 4"):
        client.images.build(fileobj=data, custom_context=True)


def test_prune(client: Any) -> None:
    assert "SpaceReclaimed" in client.api.prune_builds()


def test_further_hosts(client: Any, image: str) -> None:
    text = f"FROM {image}\nRUN grep -w one /etc/hosts && grep -w two /etc/hosts\n".encode()
    built, _ = client.images.build(
        fileobj=io.BytesIO(text), extra_hosts={"one": "127.0.0.1", "two": "127.0.0.2"}, nocache=True
    )
    client.images.remove(built.id)
