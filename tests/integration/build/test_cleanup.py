"""`builder prune` and `du`, by our command line and Docker's; engines that are killed at every step."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.harness.command import Command
from tests.harness.engine import EngineUnderTest
from tests.integration.build.conftest import Build
from tests.integration.build.test_ends import left_after

pytestmark = [pytest.mark.needs("root")]

TEXT = """
FROM BASE AS other
RUN --mount=type=cache,target=/kept head -c 3000 /dev/urandom > /kept/file && head -c 200000 /dev/urandom > /x
FROM BASE
COPY . /all
RUN head -c 200000 /dev/urandom > /y
COPY --from=other /x /x
WORKDIR /made/here
"""


def test_du_and_prune(build: Build, wherry: Command) -> None:
    wherry("builder", "prune", "-af")
    build(TEXT, "-t", "pruned:1")
    said = wherry("builder", "du").out
    assert "cache mount /kept" in said and "Reclaimable:" in said
    said = wherry("builder", "du", "--verbose").out
    assert "Type:         exec.cachemount" in said and "Type:         source.local" in said
    assert "space: 0B" in wherry("builder", "prune", "-f", "--filter", "until=24h").out
    wherry("builder", "prune", "-f", "--filter", "type=exec.cachemount")
    said = wherry("builder", "du").out
    assert "cache mount" not in said and "RUN head" in said
    assert "invalid filter 'color'" in wherry("builder", "prune", "-f", "--filter", "color=red", code=1).err
    wherry("builder", "prune", "-f")
    assert "RUN head" in wherry("builder", "du").out, "an image has these layers"
    wherry("builder", "prune", "-af")
    assert "RUN head" not in wherry("builder", "du").out
    assert wherry("run", "--rm", "--network=none", "pruned:1", "pwd").line == "/made/here"


@pytest.mark.needs("docker-cli")
def test_docker_prunes_the_same(build: Build, engine: EngineUnderTest) -> None:
    build(TEXT)

    def docker(*words: str) -> str:
        # 0: the command line itself asks, also where the buildx plugin is installed
        environment = os.environ | {"DOCKER_HOST": engine.docker_host, "DOCKER_BUILDKIT": "0"}
        done = subprocess.run(["docker", *words], env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "space: 0B" in docker("builder", "prune", "-f", "--filter", "until=24h")
    assert "space: 0B" in docker("builder", "prune", "-f", "--keep-storage", "1GB")
    assert "space: 0B" not in docker("builder", "prune", "-af")
    assert "RUN head" not in engine.wherry("builder", "du").out


def test_killed_at_every_step_nothing_is_left_and_the_next_build_goes_on(
    own_engine: EngineUnderTest, context: Path, image: str
) -> None:
    (context / "Dockerfile").write_text(TEXT.replace("BASE", image))
    for count in range(1, 16, 2):
        running = own_engine.wherry.popen("build", "--progress=rawjson", str(context))
        assert running.stderr is not None
        seen = 0
        for line in running.stderr:
            seen += json.loads(line).get("event") in ("started", "done")
            if seen == count:
                break
        own_engine.kill()
        running.communicate(timeout=60)
        own_engine.start()
        assert not left_after(own_engine), f"after {count} events"
        own_engine.wherry("build", str(context))
        again = own_engine.wherry("build", "--progress=rawjson", str(context)).err
        events = [json.loads(line) for line in again.splitlines()]
        bases = {event["step"] for event in events if event.get("text", "").startswith("FROM")}
        done = [event for event in events if event.get("event") == "done" and event["step"] not in bases]
        assert done and all(event["cached"] for event in done), "all that was built is kept"
        own_engine.wherry("builder", "prune", "-af")
