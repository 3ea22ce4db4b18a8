"""Cgroups on the real kernel, whichever version this machine has."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from wherry.errors import Conflict, Invalid, NotFound
from wherry.linux import cgroups
from wherry.linux.cgroups import settings as say
from wherry.linux.cgroups.support import support
from wherry.runtime import birth

pytestmark = pytest.mark.needs("root")

PARENT = f"wherry-test-{os.getpid()}"
MIB = 1 << 20


@pytest.fixture
def make() -> Iterator[Callable[..., cgroups.Cgroup]]:
    made: list[cgroups.Cgroup] = []

    def create(**resources: Any) -> cgroups.Cgroup:
        made.append(cgroups.create(f"{PARENT}/{len(made)}", resources))
        return made[-1]

    yield create
    for cgroup in made:
        cgroup.kill()
        cgroup.delete()
    _remove_parent()


def _remove_parent() -> None:
    cgroups.remove_if_empty(PARENT)
    with pytest.raises(NotFound):
        cgroups.open_existing(PARENT)


@contextlib.contextmanager
def running(
    cgroup: cgroups.Cgroup, code: str = "import signal; signal.pause()"
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-Ic", code],
        preexec_fn=cgroup.enter,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.005)


def reading(cgroup: cgroups.Cgroup, *names: str) -> str:
    """What the first of these files says that exists."""
    for directory in cgroup.directories:
        for name in names:
            path = os.path.join(directory, name)
            if os.path.exists(path):
                with open(path) as file:
                    return file.read().strip()
    raise AssertionError(f"none of {names}")


def test_a_life(make: Callable[..., cgroups.Cgroup]) -> None:
    cgroup = make()
    assert cgroup.warnings == []
    assert cgroup.pids() == []
    with running(cgroup) as process:
        wait_until(lambda: cgroup.pids() == [process.pid])
        assert cgroups.open_existing(cgroup.path).pids() == [process.pid]
        cgroup.kill(signal.SIGTERM)
        assert process.wait(60) == -signal.SIGTERM
    cgroup.delete()
    cgroup.delete()
    with pytest.raises(NotFound):
        cgroups.open_existing(cgroup.path)
    assert not [path for path in cgroup.directories if os.path.exists(path)]


def test_limits_reach_the_kernel(make: Callable[..., cgroups.Cgroup]) -> None:
    cgroup = make(
        memory={"limit": 64 * MIB, "swap": 96 * MIB, "reservation": 32 * MIB},
        cpu={"shares": 512, "period": 50_000, "quota": 20_000, "cpus": "0"},
        pids={"limit": 17},
    )
    assert cgroup.warnings == []
    assert reading(cgroup, "memory.limit_in_bytes", "memory.max") == str(64 * MIB)
    both = reading(cgroup, "memory.memsw.limit_in_bytes", "memory.swap.max")
    assert both in (str(96 * MIB), str(32 * MIB))
    assert reading(cgroup, "memory.soft_limit_in_bytes", "memory.low") == str(32 * MIB)
    assert reading(cgroup, "cpu.shares", "cpu.weight") in ("512", "59")
    if cgroups.hierarchies().version == 2:
        assert reading(cgroup, "cpu.max") == "20000 50000"
    else:
        assert reading(cgroup, "cpu.cfs_quota_us") == "20000"
        assert reading(cgroup, "cpu.cfs_period_us") == "50000"
    assert reading(cgroup, "cpuset.cpus") == "0"
    assert reading(cgroup, "pids.max") == "17"


def test_update_moves_limits_in_both_directions(make: Callable[..., cgroups.Cgroup]) -> None:
    cgroup = make(memory={"limit": 64 * MIB, "swap": 64 * MIB})
    with running(cgroup) as process:
        wait_until(lambda: cgroup.pids() == [process.pid])
        for size in (256, 32, 128):
            assert cgroup.update({"memory": {"limit": size * MIB, "swap": 2 * size * MIB}}) == []
            assert reading(cgroup, "memory.limit_in_bytes", "memory.max") == str(size * MIB)
        # limits of a controller that it did without so far, with a process that is there already
        assert cgroup.update({"cpu": {"cpus": "0"}, "pids": {"limit": 5}}) == []
        assert os.sched_getaffinity(process.pid) == {0}
        assert cgroup.pids() == [process.pid]


@pytest.mark.needs("cgroup2")
def test_a_limit_below_what_is_used_may_be_refused(make: Callable[..., cgroups.Cgroup]) -> None:
    cgroup = make()
    with running(cgroup, "x = bytearray(20 << 20)\nimport signal; signal.pause()") as process:
        wait_until(lambda: cgroup.stats()["memory_stats"]["usage"] > 20 * MIB)
        with pytest.raises(Invalid, match="in use"):
            cgroup.update({"memory": {"limit": 4 * MIB, "checkBeforeUpdate": True}})
        assert process.poll() is None


def test_a_value_that_the_kernel_refuses_leaves_nothing_behind() -> None:
    path = f"{PARENT}/refused"
    with pytest.raises(Invalid, match="cpuset"):
        cgroups.create(path, {"cpu": {"cpus": "4000-4001"}})
    with pytest.raises(NotFound):
        cgroups.open_existing(path)
    _remove_parent()


def test_a_cgroup_in_use_is_not_taken_over(make: Callable[..., cgroups.Cgroup]) -> None:
    cgroup = make()
    with running(cgroup) as process:
        wait_until(lambda: cgroup.pids() == [process.pid])
        with pytest.raises(Conflict):
            cgroups.create(cgroup.path, {})
        assert process.poll() is None
        assert cgroup.pids() == [process.pid]


def test_what_the_machine_has_no_file_for_is_said(make: Callable[..., cgroups.Cgroup]) -> None:
    cgroup = make(memory={"kernel": 64 * MIB, "swappiness": 10}, rdma={"none": {"hcaHandles": 3}})
    assert say.KERNEL_MEMORY in cgroup.warnings
    assert (say.SWAPPINESS in cgroup.warnings) == (cgroups.hierarchies().version == 2)
    assert (say.SWAPPINESS in cgroup.warnings) == (not support().swappiness)


def test_pids_are_limited(make: Callable[..., cgroups.Cgroup]) -> None:
    cgroup = make(pids={"limit": 6})
    code = """
import os, signal, sys
count = 0
try:
    while count < 50:
        if os.fork() == 0: signal.pause()
        count += 1
except BlockingIOError:
    pass
print(count, flush=True)
signal.pause()
"""
    with running(cgroup, code) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"5\n"
        assert cgroup.stats()["pids_stats"] == {"current": 6, "limit": 6}
        cgroup.kill()
        wait_until(lambda: cgroup.pids() in ([], [process.pid]))


def test_running_out_of_memory_is_noticed(make: Callable[..., cgroups.Cgroup]) -> None:
    cgroup = make(memory={"limit": 24 * MIB, "swap": 24 * MIB})
    fd = cgroup.oom_fd()
    try:
        assert cgroup.oom_count() == 0
        with running(cgroup, "x = []\nwhile True: x.append(bytearray(1 << 20))") as process:
            assert process.wait(60) == -signal.SIGKILL
        assert select.select([fd], [], [], 5)[0]
        assert cgroup.oom_count() == 1
    finally:
        os.close(fd)


def test_frozen_processes_stand(make: Callable[..., cgroups.Cgroup]) -> None:
    cgroup = make()
    with running(cgroup, "while True: pass") as process:
        wait_until(lambda: cgroup.stats()["cpu_stats"]["cpu_usage"]["total_usage"] > 20_000_000)
        cgroup.freeze()
        assert cgroup.frozen()
        before = _ticks(process.pid)
        time.sleep(0.15)
        assert _ticks(process.pid) == before
        cgroup.thaw()
        assert not cgroup.frozen()
        wait_until(lambda: _ticks(process.pid) > before)
        # killing reaches also what is frozen
        cgroup.freeze()
        cgroup.kill()
        assert process.wait(60) == -signal.SIGKILL
    cgroup.thaw()


def _ticks(pid: int) -> int:
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[11])


def test_kill_reaches_a_fork_bomb(make: Callable[..., cgroups.Cgroup]) -> None:
    cgroup = make(pids={"limit": 60})
    code = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"
    with running(cgroup, code):
        wait_until(lambda: len(cgroup.pids()) == 60)
        cgroup.kill()
        wait_until(lambda: len(cgroup.pids()) <= 1)  # the first one is ours to reap
    cgroup.delete()


def test_delete_takes_what_the_container_made_below(make: Callable[..., cgroups.Cgroup]) -> None:
    cgroup = make()
    for directory in cgroup.directories:
        os.makedirs(f"{directory}/one/two")
    cgroup.delete()
    assert not any(os.path.exists(directory) for directory in cgroup.directories)


def test_stats_have_dockers_shape(make: Callable[..., cgroups.Cgroup]) -> None:
    cgroup = make(cpu={"period": 10_000, "quota": 2_000}, memory={"limit": 128 * MIB})
    with running(cgroup, "x = bytearray(20 << 20)\nwhile True: pass"):
        wait_until(lambda: cgroup.stats()["cpu_stats"]["throttling_data"]["throttled_periods"] > 2)
        wait_until(lambda: cgroup.stats()["memory_stats"]["usage"] > 20 * MIB)
        stats = cgroup.stats()
        usage = stats["cpu_stats"]["cpu_usage"]
        assert usage["total_usage"] >= 1_000_000
        assert (
            usage["usage_in_usermode"] + usage["usage_in_kernelmode"]
            <= usage["total_usage"] * 1.1 + 20_000_000
        )
        assert stats["cpu_stats"]["throttling_data"]["throttled_time"] > 0
        assert stats["memory_stats"]["usage"] < 128 * MIB
        assert stats["memory_stats"]["limit"] == 128 * MIB
        assert any("inactive_file" in name for name in stats["memory_stats"]["stats"])
        assert stats["pids_stats"]["current"] == 1
        assert isinstance(stats["blkio_stats"]["io_service_bytes_recursive"], list)


def test_devices_are_ruled(make: Callable[..., cgroups.Cgroup]) -> None:
    rules = [
        {"allow": False, "access": "rwm"},
        {"allow": True, "type": "c", "major": 1, "minor": 3, "access": "rw"},
        {"allow": True, "type": "c", "major": 1, "minor": 5, "access": "r"},
    ]
    cgroup = make(devices=rules)
    assert cgroup.warnings == []
    code = """
for path, mode in (("/dev/null", "r+b"), ("/dev/zero", "rb"), ("/dev/zero", "r+b"), ("/dev/full", "rb")):
    try: open(path, mode, buffering=0).close(); print("yes", end=" ")
    except PermissionError: print("no", end=" ")
"""
    with running(cgroup, code) as process:
        assert process.communicate()[0].split() == [b"yes", b"yes", b"no", b"no"]
    # rules may change, also to more
    cgroup.update({"devices": [*rules, {"allow": True, "type": "c", "major": 1, "access": "rw"}]})
    with running(cgroup, code) as process:
        assert process.communicate()[0].split() == [b"yes"] * 4


def test_making_and_deleting_is_quick(make: Callable[..., cgroups.Cgroup]) -> None:
    """0.8 ms on the machine that it was written on; the bound leaves room for slow ones and busy ones."""
    times = []
    for number in range(20):
        begun = time.perf_counter()
        cgroup = cgroups.create(f"{PARENT}/quick-{number}", {"pids": {"limit": 100}})
        cgroup.delete()
        times.append(time.perf_counter() - begun)
    assert sorted(times)[5] < 0.02
    _remove_parent()


def test_paths_that_lead_elsewhere_are_refused() -> None:
    for path in ("", "/", "a/../../b", ".."):
        with pytest.raises(Invalid):
            cgroups.create(path, {})


def test_a_process_is_born_in_every_hierarchy(make: Callable[..., cgroups.Cgroup]) -> None:
    cgroup = make()
    read, write = os.pipe()
    launcher = os.fork()
    if launcher == 0:
        with contextlib.suppress(BaseException):
            if birth.clone(0, cgroup) == 0:
                os.write(write, Path("/proc/self/cgroup").read_bytes())
                os._exit(0)
            os.wait()
        os._exit(0)
    os.close(write)
    with open(read) as pipe:
        places = [line.split(":", 2)[2] for line in pipe.read().splitlines()]
    os.waitpid(launcher, 0)
    assert places.count(f"/{cgroup.path}") == len(cgroup.directories)
    assert not cgroup.pids()
