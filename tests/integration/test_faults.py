"""Processes killed at any moment, a full disk: containers go on, output is kept, the next command mends."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.harness.engine import EngineUnderTest
from tests.harness.leaks import processes_of

COUNT = "i=0; while [ $i -lt {last} ]; do echo line $i; i=$((i+1)); {pause}; done"


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for `condition`. Raises AssertionError when it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


def kill_supervisor(engine: EngineUnderTest) -> None:
    """kill -9, and wait until it is gone."""
    pids = [pid for pid, line in processes_of(engine.home).items() if "-m wherry.supervisor" in line]
    assert len(pids) == 1, pids
    os.kill(pids[0], signal.SIGKILL)
    until(lambda: pids[0] not in processes_of(engine.home))


def lines_of(engine: EngineUnderTest, name: str) -> list[int]:
    """The numbers of the counting container's log."""
    return [int(line.split()[1]) for line in engine.wherry("logs", name).out.splitlines()]


def running(engine: EngineUnderTest, name: str) -> bool:
    return engine.wherry("inspect", "--format", "{{.State.Running}}", name).line == "true"


def test_killed_engine_stops_no_container_and_loses_no_line(own_engine: EngineUnderTest, image: str) -> None:
    script = COUNT.format(last=3000, pause="usleep 500 2>/dev/null || sleep 0.001")
    own_engine.wherry("run", "-d", "--name", "count", image, "sh", "-c", script)
    for _ in range(3):
        time.sleep(0.2)
        own_engine.kill()
        time.sleep(0.2)
        own_engine.start()
    assert own_engine.wherry("wait", "count").line == "0"
    assert lines_of(own_engine, "count") == list(range(3000))


def test_an_exit_while_the_engine_is_dead_is_known_to_the_next(
    own_engine: EngineUnderTest, image: str
) -> None:
    own_engine.wherry("run", "-d", "--name", "short", image, "sh", "-c", "sleep 1; echo last words; exit 7")
    own_engine.kill()
    until(lambda: any((own_engine.home / "state" / "containers").glob("*/exit.json")))
    own_engine.start()
    assert (
        own_engine.wherry("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", "short").line
        == "exited 7"
    )
    assert own_engine.wherry("logs", "short").line == "last words"


def test_killed_supervisor_stops_no_container(own_engine: EngineUnderTest, image: str) -> None:
    script = COUNT.format(last=400, pause="sleep 0.01")
    own_engine.wherry("run", "-d", "--name", "count", image, "sh", "-c", script)
    time.sleep(0.5)
    kill_supervisor(own_engine)
    own_engine.wherry("run", "--rm", image, "true")
    assert running(own_engine, "count")
    own_engine.wherry("wait", "count", code=0)
    assert lines_of(own_engine, "count") == list(range(400))


def test_engine_and_supervisor_killed(own_engine: EngineUnderTest, image: str) -> None:
    script = COUNT.format(last=500, pause="sleep 0.01")
    own_engine.wherry("run", "-d", "--name", "count", image, "sh", "-c", script)
    time.sleep(0.3)
    own_engine.kill()
    kill_supervisor(own_engine)
    time.sleep(0.3)
    own_engine.start()
    assert running(own_engine, "count")
    own_engine.wherry("wait", "count")
    assert lines_of(own_engine, "count") == list(range(500))


def test_engine_killed_under_load_leaves_a_state_that_works(own_engine: EngineUnderTest, image: str) -> None:
    for _ in range(3):
        busy = [own_engine.wherry.popen("run", "--rm", image, "true", stdin=None) for _ in range(8)]
        time.sleep(0.25)
        own_engine.kill()
        for process in busy:
            process.communicate(timeout=60)  # an error or a result, but never a hang
        own_engine.start()
        assert own_engine.wherry("run", "--rm", image, "echo", "works").line == "works"
    until(lambda: own_engine.wherry("ps", "-q").line == "")
    own_engine.remove_containers()
    containers = own_engine.home / "state" / "containers"
    until(lambda: list(containers.iterdir()) == [])


@pytest.fixture
def small_disk(no_engine: EngineUnderTest) -> Iterator[EngineUnderTest]:
    """An engine whose state has 48 MiB."""
    state = no_engine.home / "state"
    state.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m,mode=0700", "none", state], check=True)
    try:
        no_engine.start()
        yield no_engine
    finally:
        no_engine.stop()
        subprocess.run(["umount", state], check=True)


def free_bytes(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


@pytest.mark.needs("root", "busybox")
def test_full_disk_while_importing(small_disk: EngineUnderTest, tmp_path: Path, busybox_tar: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "big").write_bytes(os.urandom(1 << 20) * 64)
    subprocess.run(["tar", "-C", tmp_path / "root", "-cf", tmp_path / "big.tar", "big"], check=True)
    small_disk.wherry("images")
    before = free_bytes(small_disk.home / "state")
    result = small_disk.wherry("import", str(tmp_path / "big.tar"), "big:1", code=1)
    assert re.search("no space left", result.err, re.IGNORECASE), result.err
    assert "Traceback" not in result.err
    until(lambda: free_bytes(small_disk.home / "state") > before - (2 << 20))
    small_disk.wherry("import", str(busybox_tar), "busybox:latest")
    assert small_disk.wherry("run", "--rm", "busybox", "echo", "works").line == "works"


@pytest.mark.needs("root", "busybox")
def test_full_disk_while_a_container_writes(small_disk: EngineUnderTest, busybox_tar: Path) -> None:
    small_disk.wherry("import", str(busybox_tar), "busybox:latest")
    fill = "dd if=/dev/zero of=/fill bs=64k 2>&1 | grep -o 'No space left'; echo still here"
    result = small_disk.wherry("run", "--name", "full", "busybox", "sh", "-c", fill)
    assert "No space left" in result.out
    assert small_disk.answers()
    small_disk.wherry("rm", "-f", "full")
    assert small_disk.wherry("run", "--rm", "busybox", "echo", "works").line == "works"


@pytest.mark.needs("root", "busybox")
def test_full_disk_while_creating(small_disk: EngineUnderTest, busybox_tar: Path) -> None:
    small_disk.wherry("import", str(busybox_tar), "busybox:latest")
    ballast = small_disk.home / "state" / "ballast"
    descriptor = os.open(ballast, os.O_CREAT | os.O_WRONLY)
    with contextlib.suppress(OSError):
        while os.write(descriptor, b"x" * 4096):
            pass
    os.close(descriptor)
    result = small_disk.wherry("run", "--rm", "busybox", "true", code=125)
    assert "Traceback" not in result.err
    ballast.unlink()
    assert small_disk.wherry("run", "--rm", "busybox", "echo", "works").line == "works"
    assert small_disk.container_ids() == []
