"""The pytest plugin, in a pytest of its own."""

from __future__ import annotations

import subprocess
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


def test_failure(session_container):
    session_container("IMAGE", "sleep 60")
    assert False, "on purpose"
"""


def test_fixtures_wait_and_clean_up(engine: EngineUnderTest, image: str, tmp_path: Path) -> None:
    (tmp_path / "test_suite.py").write_text(SUITE.replace("IMAGE", image))
    done = subprocess.run(
        [python(), "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        env=engine.environment | {"DOCKER_HOST": engine.docker_host},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 failed, 2 passed" in done.stdout, done.stdout + done.stderr
    assert engine.container_ids() == []
