"""Docker Compose 2 against our socket, and one project managed by both, without anything made anew."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.harness.command import Command
from tests.harness.engine import EngineUnderTest

pytestmark = pytest.mark.needs("compose-v2")
Run = Callable[..., str]

FILE = """
services:
  db:
    image: IMAGE
    command: sh -c "touch /data/ready; exec sleep 600"
    init: true
    volumes: [data:/data]
    healthcheck: {test: "test -e /data/ready", interval: 1s, retries: 30}
    networks: {back: {ipv4_address: 10.216.1.10}}
    secrets: [token]
    configs: [{source: motd, target: /etc/motd}]
    stop_grace_period: 1s
  web:
    build: {context: ., args: {TEXT: built}}
    command: sh -c "echo started; exec sleep 600"
    init: true
    depends_on: {db: {condition: service_healthy}}
    env_file: [web.env]
    environment: {A: "1", NOWHERE: }
    ports: ["80"]
    networks: {back: {aliases: [site]}, front: }
    stop_grace_period: 1s
  job:
    image: IMAGE
    command: "true"
    network_mode: none
  tools:
    image: IMAGE
    command: sleep 600
    init: true
    profiles: [debug]
    network_mode: "service:db"
    stop_grace_period: 1s
volumes: {data: {labels: {what: data}}}
networks:
  front: {ipam: {config: [{subnet: 10.216.9.0/24}]}}
  back: {internal: true, ipam: {config: [{subnet: 10.216.1.0/24}]}}
secrets: {token: {file: token.txt}}
configs: {motd: {content: "hello from a config"}}
"""


@pytest.fixture
def folder(engine: EngineUnderTest, tmp_path: Path, image: str) -> Iterator[Path]:
    found = tmp_path / "both2"
    found.mkdir()
    (found / "compose.yaml").write_text(FILE.replace("IMAGE", image))
    (found / "Dockerfile").write_text(f'FROM {image}\nARG TEXT\nRUN echo "$TEXT" > /text\n')
    (found / "web.env").write_text("FROM_FILE=yes\nA=0\n")
    (found / "token.txt").write_text("secret")
    yield found
    Command(engine.environment, found)("compose", "--profile", "*", "down", "-v", "-t", "0", code=None)


@pytest.fixture
def theirs(engine: EngineUnderTest, folder: Path) -> Run:
    """Runs `docker compose`; standard output, and standard error for verbs that only report."""

    def run(*words: str, check: bool = True, buildkit: bool = False) -> str:
        environment = {**os.environ, **engine.environment, "DOCKER_HOST": engine.docker_host}
        if not buildkit:
            environment["DOCKER_BUILDKIT"] = "0"
        done = subprocess.run(
            ["docker", "compose", "--progress", "plain", *words],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=180,
            check=False,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout or done.stderr

    return run


def test_the_verbs_of_docker_compose(engine: EngineUnderTest, folder: Path, theirs: Run) -> None:
    theirs("up", "-d", "--build", "--wait", "db", "web")
    listed = [json.loads(line) for line in theirs("ps", "-a", "--format", "json").splitlines()]
    assert sorted((one["Service"], one["State"], one["Health"]) for one in listed) == [
        ("db", "running", "healthy"),
        ("web", "running", ""),
    ]
    assert "started" in theirs("logs", "web")
    assert theirs("exec", "-T", "web", "sh", "-c", "echo $A $FROM_FILE; cat /text") == "1 yes\nbuilt\n"
    assert "10.216.1.10" in theirs("exec", "-T", "web", "nslookup", "db", "127.0.0.11")
    shown = theirs("exec", "-T", "db", "sh", "-c", "cat /run/secrets/token /etc/motd")
    assert shown == "secrethello from a config"
    assert theirs("run", "--rm", "-T", "job", "echo", "once").strip() == "once"
    assert theirs("port", "web", "80").startswith("0.0.0.0:")
    theirs("build", "--build-arg", "TEXT=kit", "web", buildkit=True)
    theirs("up", "-d", "web")
    assert theirs("exec", "-T", "web", "cat", "/text") == "kit\n"
    theirs("up", "-d", "--scale", "web=2", "--no-recreate", "web")
    assert theirs("ps", "-q", "web").count("\n") == 2
    assert "sleep" in theirs("top", "db")
    (folder / "one").write_text("1")
    theirs("cp", "one", "db:/data/one")
    assert theirs("exec", "-T", "db", "cat", "/data/one") == "1"
    theirs("restart", "-t", "0", "db")
    assert theirs("--profile", "debug", "up", "-d", "--wait", "tools")
    assert "10.216.1.10" in theirs("exec", "-T", "tools", "ip", "addr")
    assert json.loads(theirs("ls", "--format", "json"))[0]["Name"] == "both2"
    assert "both2_data" in theirs("volumes")
    assert theirs("images", "--format", "json")
    theirs("kill", "-s", "KILL", "web")
    theirs("rm", "-f", "web")
    theirs("stop", "-t", "0")
    theirs("--profile", "*", "down", "-v", "-t", "0", "--rmi", "local")
    assert engine.container_ids() == []
    wherry = Command(engine.environment, folder)
    assert "both2" not in wherry("network", "ls").out + wherry("volume", "ls").out + wherry("images").out


def ids(engine: EngineUnderTest) -> dict[str, str]:
    status, found = engine.api("GET", "/containers/json?all=1")
    assert status == 200
    return {one["Names"][0]: one["Id"] for one in found}


def test_either_tool_keeps_what_the_other_made(engine: EngineUnderTest, folder: Path, theirs: Run) -> None:
    wherry = Command(engine.environment, folder)
    wherry("compose", "--profile", "debug", "up", "-d", "--wait", "db", "web", "tools")
    made = ids(engine)
    theirs("--profile", "debug", "up", "-d", "db", "web", "tools")
    assert ids(engine) == made
    # What changes is noticed by the other one too.
    text = (folder / "compose.yaml").read_text()
    (folder / "compose.yaml").write_text(text.replace('A: "1"', 'A: "2"'))
    theirs("up", "-d", "db", "web")
    changed = ids(engine)
    assert {name for name in made if made[name] != changed[name]} == {"/both2-web-1"}
    wherry("compose", "up", "-d", "db", "web")
    assert ids(engine) == changed
    theirs("--profile", "*", "down", "-v", "-t", "0")
    theirs("up", "-d", "db", "web")
    made = ids(engine)
    wherry("compose", "up", "-d", "db", "web")
    assert ids(engine) == made
    wherry("compose", "down", "-v", "-t", "0")
    assert engine.container_ids() == []


def test_watch_of_docker_compose(engine: EngineUnderTest, folder: Path, theirs: Run, image: str) -> None:
    (folder / "src").mkdir()
    watch = "develop: {watch: [{path: src, action: sync, target: /app}]}"
    service = f"image: {image}, command: sleep 600, init: true, stop_grace_period: 1s, {watch}"
    (folder / "compose.yaml").write_text(f"services: {{web: {{{service}}}}}")
    theirs("up", "-d")
    environment = {**os.environ, **engine.environment, "DOCKER_HOST": engine.docker_host}
    with subprocess.Popen(
        ["docker", "compose", "watch", "--no-up"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as watching:
        try:
            assert watching.stdout is not None
            for line in watching.stdout:
                if "Watch enabled" in line:
                    break
            deadline = time.monotonic() + 60
            number = 0
            while theirs("exec", "-T", "web", "ls", "/app", check=False).split()[-1:] != [f"f{number}"]:
                assert time.monotonic() < deadline
                number += 1
                (folder / "src" / f"f{number}").write_text("x")
                time.sleep(1)
        finally:
            watching.terminate()
    theirs("down", "-t", "0")


def test_a_changed_network_is_made_anew(engine: EngineUnderTest, folder: Path, theirs: Run) -> None:
    wherry = Command(engine.environment, folder)
    wherry("compose", "up", "-d", "db")
    text = (folder / "compose.yaml").read_text().replace("10.216.1.", "10.216.2.")
    (folder / "compose.yaml").write_text(text)
    wherry("compose", "up", "-d", "db")
    assert "10.216.2.10" in wherry("inspect", "both2-db-1").out
    made = ids(engine)
    theirs("up", "-d", "db")
    assert ids(engine) == made
