"""`--runtime`: containers that other OCI runtimes make, used like any other."""

from __future__ import annotations

import os

import pytest

from tests.harness.command import Command

RUNTIMES = [
    pytest.param("runc", marks=pytest.mark.needs("runc")),
    pytest.param("crun", marks=pytest.mark.needs("crun", "crun-cgroups")),
]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_container_of_another_runtime(wherry: Command, image: str, runtime: str) -> None:
    with_it = ["--runtime", runtime]
    assert wherry("run", "--rm", *with_it, image, "sh", "-c", "id -u; echo $0 $HOME").out == "0\nsh /root\n"
    wherry("run", "--rm", *with_it, image, "sh", "-c", "exit 5", code=5)
    wherry("run", "--rm", *with_it, image, "no-such-program", code=127)
    assert wherry("run", "--rm", "-i", *with_it, image, "cat", stdin="through\n").line == "through"
    wherry("run", "-d", "--name", "other", *with_it, "-e", "A=b", image, "sleep", "60")
    assert wherry("inspect", "-f", "{{.HostConfig.Runtime}}", "other").line == runtime
    assert (
        wherry("exec", "other", "sh", "-c", "echo $A; cat /proc/1/cmdline | tr '\\0' ' '").out
        == "b\nsleep 60 "
    )
    wherry("exec", "other", "sh", "-c", "exit 4", code=4)
    wherry("stop", "-t", "0", "other")
    assert wherry("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "other").line == "exited 137"
    wherry("start", "other")
    wherry("rm", "-f", "other")


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_walls_and_owners_are_the_same(wherry: Command, image: str, runtime: str) -> None:
    look = (
        "grep -E '^(Cap|NoNew|Seccomp:)' /proc/self/status; echo x >/f; stat -c %u:%g /f /etc/passwd; "
        "ls /proc/self/fd | wc -l; (echo x >/proc/sysrq-trigger) 2>/dev/null && echo WRITTEN; exit 0"
    )
    ours = wherry("run", "--rm", image, "sh", "-c", look).out
    theirs = wherry("run", "--rm", "--runtime", runtime, image, "sh", "-c", look).out
    assert ours == theirs
    assert "WRITTEN" not in ours
    if os.geteuid() == 0:
        inside = wherry("run", "--rm", "--runtime", runtime, image, "cat", "/proc/self/uid_map").out.split()
        assert int(inside[1]) >= 100_000


@pytest.mark.needs("root", "cgroup1", "runc")
def test_limits_hold(wherry: Command, image: str) -> None:
    script = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max"
    run = ["run", "--rm", "--runtime", "runc", "--memory", "64m", "--pids-limit", "50", image]
    assert wherry(*run, "sh", "-c", script).out == f"{64 << 20}\n50\n"


def test_what_only_ours_does_is_refused(wherry: Command, image: str) -> None:
    if os.path.exists("/usr/bin/runc") or os.path.exists("/usr/sbin/runc"):
        result = wherry("run", "--rm", "--init", "--runtime", "runc", image, "true", code=125)
        assert "--init is not supported with the runtime" in result.err
    assert (
        "unknown or invalid runtime name: none"
        in wherry("run", "--rm", "--runtime", "none", image, "true", code=125).err
    )
