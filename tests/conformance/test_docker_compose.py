"""The real Docker Compose against our socket, and one project managed by both."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.command import Command
from tests.harness.engine import EngineUnderTest

pytestmark = pytest.mark.needs("docker-compose")

FILE = """
version: "3.8"
services:
  db:
    image: IMAGE
    command: sleep 60
    init: true
    volumes: [data:/data]
    healthcheck: {test: "true", interval: 1s}
    networks: {back: {ipv4_address: 10.215.1.10}}
  web:
    image: IMAGE
    command: sh -c "echo started; exec sleep 60"
    init: true
    depends_on: [db]
    environment: [A=1]
    networks: {back: {aliases: [site]}}
volumes: {data: }
networks: {back: {ipam: {config: [{subnet: 10.215.1.0/24}]}}}
"""


@pytest.fixture
def folder(engine: EngineUnderTest, tmp_path: Path, image: str) -> Iterator[Path]:
    found = tmp_path / "both"
    found.mkdir()
    (found / "docker-compose.yml").write_text(FILE.replace("IMAGE", image))
    yield found
    docker_compose(engine, found, "down", "-v", "-t", "0", check=False)


def docker_compose(
    engine: EngineUnderTest, folder: Path, *words: str, check: bool = True
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        ["docker-compose", *words],
        cwd=folder,
        env=engine.environment | {"DOCKER_HOST": engine.docker_host, "COMPOSE_PROJECT_NAME": "both"},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def test_docker_compose_works(engine: EngineUnderTest, folder: Path) -> None:
    docker_compose(engine, folder, "up", "-d")
    listed = docker_compose(engine, folder, "ps").stdout
    assert listed.count("Up") == 2
    assert "started" in docker_compose(engine, folder, "logs", "web").stdout
    assert (
        "10.215.1.10"
        in docker_compose(engine, folder, "exec", "-T", "web", "nslookup", "db", "127.0.0.11").stdout
    )
    docker_compose(engine, folder, "up", "-d", "--scale", "web=2")
    assert docker_compose(engine, folder, "ps", "-q").stdout.count("\n") == 3
    docker_compose(engine, folder, "restart", "-t", "0", "web")
    assert docker_compose(engine, folder, "run", "--rm", "-T", "web", "echo", "once").stdout.strip() == "once"
    docker_compose(engine, folder, "stop", "-t", "0")
    docker_compose(engine, folder, "down", "-v")
    assert engine.container_ids() == []


def test_what_docker_compose_made_wherry_manages(engine: EngineUnderTest, folder: Path) -> None:
    docker_compose(engine, folder, "up", "-d")
    wherry = Command(engine.environment, folder)
    assert wherry("compose", "ps", "--services").out == "db\nweb\n"
    assert wherry("compose", "exec", "-T", "web", "sh", "-c", "echo $A").out == "1\n"
    wherry("compose", "stop", "-t", "0", "web")
    wherry("compose", "down", "-v", "-t", "0")
    assert engine.container_ids() == []
    assert "both" not in wherry("network", "ls").out + wherry("volume", "ls").out


def test_what_wherry_made_docker_compose_manages(engine: EngineUnderTest, folder: Path) -> None:
    wherry = Command(engine.environment, folder)
    wherry("compose", "up", "-d")
    assert docker_compose(engine, folder, "ps").stdout.count("Up") == 2
    docker_compose(engine, folder, "down", "-v", "-t", "0")
    assert engine.container_ids() == []
