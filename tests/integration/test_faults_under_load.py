"""kill -9 of the supervisor, or it and the engine, while containers start, exec and end."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.harness.engine import EngineUnderTest
from tests.harness.leaks import processes_of
from tests.integration.test_faults import until


def supervisors(engine: EngineUnderTest) -> list[int]:
    """Pids of the supervisor itself, not of what it has forked and not executed yet."""
    path = engine.home / "run" / "supervisor.pid"
    try:
        return [int(path.read_text().split()[0])]
    except (OSError, ValueError, IndexError):
        return []


def kill_supervisor_now(engine: EngineUnderTest) -> None:
    for pid in supervisors(engine):
        if pid in processes_of(engine.home):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("victims", ["supervisor", "both"])
def test_killed_under_load(own_engine: EngineUnderTest, image: str, victims: str) -> None:
    own_engine.wherry("run", "-d", "--name", "steady", image, "sleep", "600")
    started = own_engine.wherry("exec", "steady", "cat", "/proc/1/stat").out.split()[21]
    for number in range(3):
        busy = [own_engine.wherry.popen("run", "--rm", image, "true", stdin=None) for _ in range(5)]
        busy += [
            own_engine.wherry.popen(
                "run", "-d", "--name", f"kept-{number}-{n}", image, "sleep", "600", stdin=None
            )
            for n in range(3)
        ]
        busy += [own_engine.wherry.popen("exec", "steady", "true", stdin=None) for _ in range(3)]
        time.sleep(0.15 + number * 0.1)
        kill_supervisor_now(own_engine)
        if victims == "both":
            own_engine.kill()
        for process in busy:
            process.communicate(timeout=60)  # an error or a result, but never a hang
        if victims == "both":
            own_engine.start()
        assert own_engine.wherry("run", "--rm", image, "echo", "works", timeout=30).line == "works"
        assert own_engine.wherry("exec", "steady", "echo", "here").line == "here"
    # the same process all the time
    assert own_engine.wherry("exec", "steady", "cat", "/proc/1/stat").out.split()[21] == started
    for line in own_engine.wherry("ps", "-a", "--format", "{{.Names}} {{.State}}").out.splitlines():
        name, state = line.split()
        if state == "running":
            assert own_engine.wherry("exec", name, "echo", "up", timeout=20).line == "up", name
    own_engine.remove_containers()
    until(lambda: list((own_engine.home / "state" / "containers").iterdir()) == [])
    assert own_engine.wherry("ps", "-aq").out == ""


def test_fifty_runs_at_once_in_the_default_network(own_engine: EngineUnderTest, image: str) -> None:
    processes = [
        own_engine.wherry.popen("run", "--rm", image, "cat", "/sys/class/net/eth0/address", stdin=None)
        for _ in range(50)
    ]
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0] * 50, outputs
    addresses = [out.strip() for out, _ in outputs]
    assert all(len(address) == 17 for address in addresses)
    assert own_engine.container_ids() == []


def test_removing_everything_at_once_leaves_nothing(own_engine: EngineUnderTest, image: str) -> None:
    """Running, paused, restarting, created, exited, with volumes, ports, execs: one `rm -f` of all."""
    wherry = own_engine.wherry
    for number in range(4):
        wherry(
            "run", "-d", "-v", "/data", "-p", "127.0.0.1::80", "--name", f"r{number}", image, "sleep", "600"
        )
        wherry("exec", "-d", f"r{number}", "sleep", "600")
    wherry("pause", "r0", code=None)
    wherry("run", "-d", "--restart", "always", "--name", "again", image, "false")
    wherry("run", "-d", "--pid", "host", "--name", "host-pid", image, "sleep", "600")
    wherry("run", "-d", "--network", "container:r1", "--name", "shared", image, "sleep", "600")
    wherry("run", "-d", "--init", "--ipc", "shareable", "--name", "ipc", image, "sleep", "600")
    wherry("run", "-d", "--tmpfs", "/t", "--read-only", "-it", "--name", "tty", image, "sh")
    wherry("create", "--name", "made", image, "true")
    wherry("run", "--name", "ended", image, "true")
    ids = own_engine.container_ids()
    wherry("rm", "-f", "-v", *ids, timeout=60)
    assert own_engine.container_ids() == []
    assert wherry("volume", "ls", "-q").out == ""
    own_engine.stop()
    assert own_engine.leaks() == []
