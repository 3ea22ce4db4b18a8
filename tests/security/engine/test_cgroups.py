"""Control groups: nothing of other containers' is shown, nothing can be written (CVE-2022-0492)."""

from __future__ import annotations

import pytest

from tests.harness.command import Command

# Runtimes of languages look for these before they believe in a limit: they stay, at their top, read-only.
SHOWN_WHOLE = {"cpu", "cpuacct", "cpuset", "cpu,cpuacct"}


@pytest.mark.needs("root")  # an ordinary user has no groups of version 1, and sees the names of others
def test_hierarchies_without_a_group_of_its_own_are_not_there(wherry: Command, image: str) -> None:
    wherry("run", "-d", "--name", "other", image, "sleep", "60")
    script = "cd /sys/fs/cgroup; for d in *; do [ -d $d ] && echo $d $(find $d -mindepth 1 -type d); done"
    lines = wherry("run", "--rm", image, "sh", "-c", f"{script}; exit 0").out.splitlines()
    shown = {line.split()[0]: line.split()[1:] for line in lines if line.strip()}
    assert {name for name, below in shown.items() if below} <= SHOWN_WHOLE, shown
    agents = wherry("run", "--rm", image, "find", "/sys/fs/cgroup", "-name", "release_agent").out.split()
    assert {path.split("/")[4] for path in agents} <= SHOWN_WHOLE, agents


@pytest.mark.parametrize("switches", [[], ["--userns=host"], ["--cap-add=ALL"], ["--cgroupns=host"]])
def test_no_agent_and_no_limit_can_be_written(wherry: Command, image: str, switches: list[str]) -> None:
    script = (
        "for f in $(find /sys/fs/cgroup -name release_agent -o -name notify_on_release -o -name '*limit*' "
        "-o -name cgroup.procs -o -name devices.allow -o -name '*.max'); do "
        "(echo 1 >$f) 2>/dev/null && echo WRITTEN $f; done; "
        "mkdir /sys/fs/cgroup/*/x 2>/dev/null && echo MADE; exit 0"
    )
    assert wherry("run", "--rm", *switches, image, "sh", "-c", script).out == ""


@pytest.mark.parametrize("caps", [[], ["--cap-add=SYS_ADMIN", "--cap-add=SYS_PTRACE"]])
def test_a_tree_of_ones_own_gives_no_agent(wherry: Command, image: str, caps: list[str]) -> None:
    """Even with CAP_SYS_ADMIN inside, the agent belongs to the machine's own user namespace. (Of a container
    that was given the machine's, `--cap-add=ALL` with seccomp off, this can't be said, and it is told so.)"""
    script = (
        "mkdir /m; for kind in memory rdma cpu freezer devices; do "
        "mount -t cgroup -o $kind cgroup /m 2>/dev/null && (echo /evil >/m/release_agent) 2>/dev/null "
        "&& echo SET $kind; umount /m 2>/dev/null; done; exit 0"
    )
    seccomp = ["--security-opt", "seccomp=unconfined"] if caps else []
    assert wherry("run", "--rm", *caps, *seccomp, image, "sh", "-c", script).out == ""


@pytest.mark.needs("root", "cgroup1")
def test_privileged_divides_its_own_group_and_no_other(wherry: Command, image: str) -> None:
    script = (
        "cd /sys/fs/cgroup; for d in *; do mkdir $d/mine 2>/dev/null || continue; "
        "echo $d; [ -e $d/release_agent ] && echo TOP; done; exit 0"
    )
    writable = wherry("run", "--rm", "--privileged", image, "sh", "-c", script).out.split()
    assert "memory" in writable
    assert not {"unified", "TOP"}.intersection(writable)
