"""However a build ends, nothing is left; the next one goes on from what was finished."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.harness.engine import EngineUnderTest
from tests.harness.leaks import mounts_below

pytestmark = [pytest.mark.needs("root")]

TEXT = "FROM busybox\nRUN echo $RANDOM > /first\nRUN touch /started && sleep 600\n"


def _left(engine: EngineUnderTest) -> list[str]:
    """What a build has left: containers, mounts, working directories, drafts."""
    state = engine.home / "state"
    left = [f"container {name}" for name in engine.container_ids()]
    left += [f"mount {path}" for path in mounts_below(engine.home)]
    left += [str(path) for path in (state / "build" / "work").glob("*")]
    left += [str(path) for path in (state / "layers").glob(".draft-*")]
    left += [str(path) for path in (state / "containers").glob("*")]
    return left


def left_after(engine: EngineUnderTest, seconds: float = 60) -> list[str]:
    """What is still left when that many seconds are over."""
    deadline = time.monotonic() + seconds
    while (left := _left(engine)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def _begin(engine: EngineUnderTest, folder: Path) -> subprocess.Popen[bytes]:
    (folder / "Dockerfile").write_text(TEXT)
    running = engine.wherry.popen("build", "--progress=plain", str(folder))
    deadline = time.monotonic() + 60
    while not any("sleep 60" in _line(pid) for pid in _pids(engine)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return running


def _line(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")


def _pids(engine: EngineUnderTest) -> list[int]:
    found = []
    for container in engine.container_ids():
        _, told = engine.api("GET", f"/containers/{container}/json")
        if isinstance(told, dict) and "State" in told:  # it may have been removed meanwhile
            found.append(told["State"]["Pid"])
    return [pid for pid in found if pid and Path(f"/proc/{pid}/cmdline").exists()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_client_goes(own_engine: EngineUnderTest, tmp_path: Path, number: int) -> None:
    running = _begin(own_engine, tmp_path)
    running.send_signal(number)
    running.communicate(timeout=60)
    assert not left_after(own_engine)
    (tmp_path / "Dockerfile").write_text(TEXT.replace("sleep 600", "true"))
    assert "CACHED" in own_engine.wherry("build", str(tmp_path)).err


def test_the_engine_is_killed(own_engine: EngineUnderTest, tmp_path: Path) -> None:
    running = _begin(own_engine, tmp_path)
    own_engine.kill()
    _, said = running.communicate(timeout=60)
    assert running.returncode != 0 and b"wherry:" in said
    own_engine.start()
    assert not left_after(own_engine)
    (tmp_path / "Dockerfile").write_text(TEXT.replace("sleep 600", "true"))
    assert "CACHED" in own_engine.wherry("build", str(tmp_path)).err


def test_a_step_fails(own_engine: EngineUnderTest, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM busybox\nRUN exit 3\n")
    own_engine.wherry("build", str(tmp_path), code=1)
    assert not left_after(own_engine)
