"""However a build ends, nothing is left; the next one goes on from what was finished."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import tarfile
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


@pytest.mark.parametrize("scheme", ["http", "git"])
def test_the_client_goes_while_a_server_says_nothing(
    own_engine: EngineUnderTest, tmp_path: Path, scheme: str
) -> None:
    """The build's directory goes when nothing works in it any more."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        url = f"{scheme}://127.0.0.1:{server.getsockname()[1]}/x"
        (tmp_path / "Dockerfile").write_text(f"FROM scratch\nADD {url} /x\n")
        running = own_engine.wherry.popen("build", str(tmp_path))
        connection, _ = server.accept()
        with connection:
            connection.settimeout(60)
            assert connection.recv(1), "it was asked for something"
            running.kill()
            running.communicate(timeout=60)
            assert not left_after(own_engine)


def test_descriptors(own_engine: EngineUnderTest, tmp_path: Path) -> None:
    """Of contexts that are not even built."""
    with tarfile.open(tmp_path / "context.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("no-Dockerfile"))
    context = (tmp_path / "context.tar").read_bytes()
    pid = (own_engine.home / "run" / "engine.pid").read_text().split()[0]
    held = []
    for _ in range(3):
        said = own_engine.wherry("build", "-", stdin=context, code=1).err
        assert "Cannot locate specified Dockerfile" in said
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # of a connection, perhaps, that has just ended
            held.append(os.readlink(descriptor))
    assert held and not [name for name in held if "/build/work/" in name]
