"""Docker's options for limits and confinement, seen from inside real containers."""

from __future__ import annotations

import json
import os
import time
from typing import Any

import pytest

from tests.harness.capabilities import have
from tests.harness.command import Command, Result

_ROOT = os.geteuid() == 0


def run(wherry: Command, *options: str, image: str = "host", script: str, code: int | None = 0) -> Result:
    return wherry("run", "--rm", "--network", "none", *options, image, "sh", "-c", script, code=code)


def status(wherry: Command, *options: str) -> dict[str, str]:
    out = run(wherry, *options, script="cat /proc/self/status").out
    return {line.split(":")[0]: line.partition(":")[2].strip() for line in out.splitlines()}


def can_limit() -> bool:
    return _ROOT or have("cgroup2")


def test_memory_and_processes_are_limited(wherry: Command, image: str) -> None:
    wherry("run", "-d", "--name", "limited", "-m", "64m", "--pids-limit", "20", image, "sleep", "60")
    host = json.loads(wherry("inspect", "limited", "--format", "{{json .HostConfig}}").out)
    assert (host["Memory"], host["PidsLimit"]) == (64 << 20, 20)
    shown = wherry("stats", "--no-stream", "--format", "{{.MemUsage}} {{.PIDs}}", "limited").line
    if can_limit():
        assert "64MiB" in shown
        assert shown.endswith(" 1")
    wherry("rm", "-f", "limited")
    forks = "i=0; while [ $i -lt 40 ]; do sleep 5 & i=$((i+1)); done; wait"
    done = wherry(
        "run", "--rm", "--network", "none", "--pids-limit", "20", image, "sh", "-c", forks, code=None
    )
    assert "fork" in done.err


def test_limits_that_cannot_be_had_are_said(wherry: Command, image: str) -> None:
    done = wherry("create", "-m", "64m", "--pids-limit", "20", image, "true")
    if can_limit():
        assert "WARNING" not in done.err
    else:
        assert "Limitation discarded" in done.err
        assert "PIDs limit" in done.err


@pytest.mark.needs("root")
def test_limits_change_while_it_runs(wherry: Command, image: str) -> None:
    wherry("run", "-d", "--name", "changing", "-m", "64m", image, "sleep", "60")
    wherry("update", "--memory", "96m", "--memory-swap", "96m", "--cpus", "0.5", "changing")
    assert "96MiB" in wherry("stats", "--no-stream", "changing").out
    wherry("rm", "-f", "changing")


def test_what_breaks_the_memory_limit_is_killed(wherry: Command) -> None:
    if not can_limit():
        return
    hog = "x = bytearray(300 << 20)"
    done = wherry(
        "run",
        "--name",
        "hog",
        "--network",
        "none",
        "-m",
        "48m",
        "--memory-swap",
        "48m",
        "host",
        "python3",
        "-c",
        hog,
        code=137,
    )
    assert done.code == 137
    assert wherry("inspect", "hog", "--format", "{{.State.OOMKilled}}").line == "true"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], {"CapBnd": "00000000a80425fb", "NoNewPrivs": "1", "Seccomp": "2"}),
        (["--cap-drop", "ALL"], {"CapBnd": "0" * 16, "CapEff": "0" * 16}),
        (["--cap-drop", "ALL", "--cap-add", "chown"], {"CapEff": "0" * 15 + "1"}),
        (["--user", "1000:1000"], {"CapEff": "0" * 16, "CapBnd": "00000000a80425fb", "NoNewPrivs": "0"}),
        (["--security-opt", "seccomp=unconfined"], {"Seccomp": "0", "NoNewPrivs": "1"}),
        (["--security-opt", "no-new-privileges=false"], {"NoNewPrivs": "0"}),
        (["--privileged"], {"Seccomp": "0", "NoNewPrivs": "0"}),
    ],
)
def test_the_process_is_as_confined_as_asked(
    wherry: Command, options: list[str], expected: dict[str, str]
) -> None:
    found = status(wherry, *options)
    assert {name: found[name] for name in expected} == expected


def test_a_profile_of_the_users_own(wherry: Command, tmp_path: Any) -> None:
    profile = tmp_path / "profile.json"
    rule = {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}
    profile.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}))
    done = run(wherry, "--security-opt", f"seccomp={profile}", script="mkdir /tmp/x || true")
    assert "No space left on device" in done.err
    profile.write_text("{")
    done = run(wherry, "--security-opt", f"seccomp={profile}", script="true", code=None)
    assert done.code == 125
    assert "seccomp" in done.err


def test_sysctls_ulimits_and_shared_memory(wherry: Command) -> None:
    options = ("--sysctl", "net.ipv4.ip_default_ttl=77", "--ulimit", "nofile=100:200", "--shm-size", "1m")
    script = "cat /proc/sys/net/ipv4/ip_default_ttl; ulimit -n; ulimit -Hn; df -k /dev/shm | tail -n 1"
    lines = run(wherry, *options, script=script).out.splitlines()
    assert lines[:3] == ["77", "100", "200"]
    assert lines[3].split()[1] == "1024"


@pytest.mark.needs("root")
def test_sysctls_that_some_kernels_hide_from_user_namespaces(wherry: Command) -> None:
    script = "cat /proc/sys/net/core/somaxconn"
    assert run(wherry, "--sysctl", "net.core.somaxconn=77", script=script).line == "77"


def test_devices(wherry: Command) -> None:
    script = "head -c 1 /dev/z | wc -c; ls /dev/kmsg 2>/dev/null | wc -l"
    assert run(wherry, "--device", "/dev/zero:/dev/z", script=script).out.split() == ["1", "0"]
    refused = run(wherry, "--device", "/dev/nowhere", script="true", code=None)
    assert refused.code in (125, 127)
    assert "no such file" in refused.err


@pytest.mark.needs("root", "busybox")
def test_devices_may_be_for_reading_only(wherry: Command) -> None:
    script = "( : > /dev/k ) 2>/dev/null && echo open || echo refused"
    for access, expected in (("rw", "open"), ("r", "refused")):
        done = run(wherry, "--device", f"/dev/kmsg:/dev/k:{access}", image="busybox", script=script)
        assert done.line == expected


@pytest.mark.needs("root")
def test_without_a_user_namespace_the_cgroup_rules_devices(wherry: Command) -> None:
    script = "mknod /tmp/k c 1 11; head -c 1 /tmp/k || echo refused; head -c 1 /dev/zero | wc -c"
    done = run(wherry, "--userns", "host", "--cap-add", "SYSLOG", script=script)
    assert done.out.split() == ["refused", "1"]


def test_two_containers_share_namespaces(wherry: Command, image: str) -> None:
    wherry("run", "-d", "--name", "one", "--network", "none", "--ipc", "shareable", image, "sleep", "60")
    wherry("exec", "one", "sh", "-c", "echo here > /dev/shm/note")
    options = ("--rm", "--pid", "container:one", "--ipc", "container:one", "--network", "container:one")
    spaces = "for p in self 1; do readlink /proc/$p/ns/user; done | uniq | wc -l"
    script = f"cat /dev/shm/note; cat /proc/1/comm; {spaces}"
    done = wherry("run", *options, image, "sh", "-c", script)
    assert done.out.split() == ["here", "sleep", "1"]


def test_the_wish_to_see_all_processes_gives_up_the_user_namespace_and_says_so(wherry: Command) -> None:
    done = wherry("run", "--rm", "--network", "none", "--pid", "host", "host", "cat", "/proc/self/uid_map")
    if _ROOT:
        assert "--pid host can't do its work otherwise" in done.err
        assert done.out.split() == ["0", "0", "4294967295"]


def test_paused_containers_stand_still(wherry: Command, image: str) -> None:
    if not can_limit():
        return
    wherry("run", "-d", "--name", "busy", "--network", "none", image, "sh", "-c", "while :; do :; done")
    wherry("pause", "busy")
    pid = wherry("inspect", "busy", "--format", "{{.State.Pid}}").line

    def ticks() -> str:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[11]

    before = ticks()
    time.sleep(0.1)
    assert ticks() == before
    wherry("unpause", "busy")
    wherry("rm", "-f", "busy")
