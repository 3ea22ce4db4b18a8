"""The pytest plugin, in a pytest of its own."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from tests.harness.capabilities import python
from tests.harness.engine import EngineUnderTest

SUITE = """
import urllib.request

pytest_plugins = ["wherry.testing.plugin"]
SERVE = ["sh", "-c", "mkdir /www; echo hello > /www/index.html; echo ready; exec httpd -f -p 8000 -h /www"]


def test_port(container):
    web = container("IMAGE", SERVE, ports=[8000], wait=8000)
    with urllib.request.urlopen(f"http://127.0.0.1:{web.port(8000)}/") as answer:
        assert answer.read() == b"hello\\n"


def test_line_and_health(container):
    assert container("IMAGE", SERVE, wait="ready").status == "running"
    assert container("IMAGE", "sleep 9", health="true", health_interval=0.1).health == "healthy"


def test_compose(compose):
    one, other = compose("compose.yaml", environment={"NAME": "one"}), compose("compose.yaml")
    assert one["web"].exec("cat /name").text == "one"
    assert other["web"].health == "healthy"


def test_failure(session_container):
    session_container("IMAGE", "sleep 60")
    assert False, "on purpose"
"""
COMPOSE = """
services:
  web:
    image: IMAGE
    init: true
    command: ["sh", "-c", "echo ${NAME:-none} > /name; exec sleep 600"]
    healthcheck: {test: "test -e /name", interval: 1s, start_interval: 100ms, start_period: 30s}
    volumes: [data:/data]
volumes: {data: }
"""
KILLED = """
import os, signal

pytest_plugins = ["wherry.testing.plugin"]


def test_killed(container, compose):
    container("IMAGE", "sleep 600", init=True, volumes=["/anonymous"])
    compose("compose.yaml")
    print("up", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def run(engine: EngineUnderTest, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python(), "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", str(folder)],
        env=engine.environment | {"DOCKER_HOST": engine.docker_host},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_fixtures_wait_and_clean_up(engine: EngineUnderTest, image: str, tmp_path: Path) -> None:
    (tmp_path / "test_suite.py").write_text(SUITE.replace("IMAGE", image))
    (tmp_path / "compose.yaml").write_text(COMPOSE.replace("IMAGE", image))
    done = run(engine, tmp_path)
    assert "1 failed, 3 passed" in done.stdout, done.stdout + done.stderr
    assert engine.container_ids() == []
    assert not [name for name in volumes(engine) if name.startswith("test-")]


def test_killed_tests_leave_nothing(engine: EngineUnderTest, image: str, tmp_path: Path) -> None:
    (tmp_path / "test_suite.py").write_text(KILLED.replace("IMAGE", image))
    (tmp_path / "compose.yaml").write_text(COMPOSE.replace("IMAGE", image))
    before = volumes(engine)
    done = run(engine, tmp_path)
    assert "up" in done.stdout, done.stdout + done.stderr
    assert done.returncode == -9
    deadline = time.monotonic() + 60
    while engine.container_ids() or volumes(engine) != before or "test-" in networks(engine):
        assert time.monotonic() < deadline, (engine.container_ids(), volumes(engine), networks(engine))
        time.sleep(0.05)


def volumes(engine: EngineUnderTest) -> set[str]:
    return {one["Name"] for one in engine.api("GET", "/volumes")[1]["Volumes"] or ()}


def networks(engine: EngineUnderTest) -> str:
    return " ".join(one["Name"] for one in engine.api("GET", "/networks")[1])
