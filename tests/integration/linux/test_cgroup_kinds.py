"""Machines that this one is not, made of parts of it: without a version 2 tree, and with that alone."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from wherry.linux import cgroups
from wherry.linux.cgroups import settings as say

pytestmark = pytest.mark.needs("root", "cgroup1")

PARENT = f"wherry-test-kinds-{os.getpid()}"


def _kinds() -> dict[str, cgroups.Hierarchies]:
    here = cgroups.hierarchies()
    kinds = {"version 1 alone": here._replace(unified="")}
    if here.unified:
        kinds["version 2 without controllers"] = here._replace(legacy={})
    return kinds


@pytest.fixture(params=["version 1 alone", "version 2 without controllers"])
def where(request: pytest.FixtureRequest) -> Iterator[cgroups.Hierarchies]:
    kinds = _kinds()
    if request.param not in kinds:
        pytest.skip("needs a version 2 tree beside version 1")
    yield kinds[request.param]
    cgroups.remove_if_empty(PARENT, kinds[request.param])


@contextlib.contextmanager
def running(cgroup: cgroups.Cgroup, code: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-Ic", code], preexec_fn=cgroup.enter)
    try:
        yield process
    finally:
        cgroup.kill()
        process.wait()
        cgroup.delete()


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.005)


def ticks(pid: int) -> int:
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[11])


def test_freezing_and_killing(where: cgroups.Hierarchies) -> None:
    cgroup = cgroups.create(f"{PARENT}/frozen", {}, where)
    with running(cgroup, "while True: pass") as process:
        wait_until(lambda: ticks(process.pid) > 2)
        assert cgroups.open_existing(cgroup.path, where).pids() == [process.pid]
        cgroup.freeze()
        assert cgroup.frozen()
        before = ticks(process.pid)
        time.sleep(0.1)
        assert ticks(process.pid) == before
        cgroup.kill()
        cgroup.thaw()
        assert process.wait(60) == -signal.SIGKILL
        assert not cgroup.frozen()
    assert not any(os.path.exists(directory) for directory in cgroup.directories)


def test_a_fork_bomb_dies(where: cgroups.Hierarchies) -> None:
    cgroup = cgroups.create(f"{PARENT}/bomb", {}, where)
    # it holds its own number down, for kinds of machines that can't
    code = (
        "import os, resource\nresource.setrlimit(resource.RLIMIT_NPROC, (400, 400))\nos.setuid(54321)\n"
        "while True:\n    try: os.fork()\n    except OSError: pass"
    )
    with running(cgroup, code):
        wait_until(lambda: len(cgroup.pids()) > 100)
        cgroup.kill()
        wait_until(lambda: len(cgroup.pids()) <= 1)


def test_cpu_time_is_counted(where: cgroups.Hierarchies) -> None:
    cgroup = cgroups.create(f"{PARENT}/counted", {}, where)
    with running(cgroup, "while True: pass"):
        wait_until(lambda: cgroup.stats()["cpu_stats"]["cpu_usage"]["total_usage"] > 10_000_000)


def test_limits_without_controllers_are_said_not_to_hold() -> None:
    where = _kinds().get("version 2 without controllers")
    if where is None:
        pytest.skip("needs a version 2 tree beside version 1")
    limits = {"memory": {"limit": 64 << 20}, "pids": {"limit": 7}, "cpu": {"cpus": "0"}}
    cgroup = cgroups.create(f"{PARENT}/poor", limits, where)
    assert set(cgroup.warnings) == {say.MEMORY, say.PIDS, say.CPUSET}
    assert "memory_stats" not in cgroup.stats()
    with pytest.raises(OSError, match=r"memory\.events"):
        cgroup.oom_fd()
    cgroup.delete()
    cgroups.remove_if_empty(PARENT, where)
