"""Processes started in a container that runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.harness.runtime_lab import PATH, Laboratory

pytestmark = pytest.mark.needs("busybox")


@pytest.fixture(scope="module")
def spec(lab: Laboratory) -> Iterator[dict[str, Any]]:
    """The specification of a container named `target` that runs."""
    spec = lab.spec("sleep", "1000")
    outcome = lab.run(spec, keep="target")
    assert outcome.failure is None, outcome.failure
    yield spec
    lab.ask("stop", name="target")


def test_all_namespaces_are_the_containers(lab: Laboratory, spec: dict[str, Any]) -> None:
    compare = "test /proc/1/ns/$kind -ef /proc/self/ns/$kind || echo $kind"
    script = f"for kind in pid net ipc uts mnt user cgroup; do {compare}; done; hostname"
    outcome = lab.exec("target", spec, args=["sh", "-c", script])
    assert outcome.failure is None, outcome.failure
    assert outcome.out == "laboratory\n"


def test_it_is_confined_as_the_container_is(lab: Laboratory) -> None:
    spec = lab.spec("sleep", "1000")
    spec["linux"]["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}],
    }
    lab.run(spec, keep="confined")
    try:
        outcome = lab.exec(
            "confined", spec, args=["sh", "-c", "mkdir /x; grep -E 'Cap(Eff|Bnd)|NoNew' /proc/self/status"]
        )
        assert "Operation not permitted" in outcome.err
        assert outcome.out.split()[1::2] == ["00000000a80425fb", "00000000a80425fb", "1"]
    finally:
        lab.ask("stop", name="confined")


def test_process_settings(lab: Laboratory, spec: dict[str, Any]) -> None:
    outcome = lab.exec(
        "target",
        spec,
        args=["sh", "-c", "pwd; echo $A; ulimit -n"],
        cwd="/usr",
        env=[PATH, "A=b"],
        rlimits=[{"type": "RLIMIT_NOFILE", "soft": 64, "hard": 64}],
    )
    assert outcome.out.splitlines() == ["/usr", "b", "64"]


def test_another_user(lab: Laboratory, spec: dict[str, Any]) -> None:
    if not lab.many_ids:
        pytest.skip("needs subordinate-ids")
    outcome = lab.exec(
        "target", spec, args=["sh", "-c", "id -u; id -g; echo x >/dev/stdout"], user={"uid": 7, "gid": 8}
    )
    assert outcome.out.split() == ["7", "8", "x"]


def test_a_terminal(lab: Laboratory, spec: dict[str, Any]) -> None:
    size = {"height": 10, "width": 20}
    outcome = lab.exec("target", spec, args=["sh", "-c", "tty; stty size"], terminal=True, consoleSize=size)
    assert outcome.failure is None, outcome.failure
    assert outcome.console.splitlines() == ["/dev/pts/0", "10 20"]


def test_exit_code(lab: Laboratory, spec: dict[str, Any]) -> None:
    assert lab.exec("target", spec, args=["sh", "-c", "exit 17"]).code == 17


@pytest.mark.parametrize(
    ("args", "message", "code"),
    [
        (["nonsense"], 'exec: "nonsense": executable file not found in $PATH', 127),
        (["/etc"], 'exec: "/etc": is a directory', 126),
    ],
)
def test_programs_that_do_not_run(
    lab: Laboratory, spec: dict[str, Any], args: list[str], message: str, code: int
) -> None:
    outcome = lab.exec("target", spec, args=args)
    assert outcome.message == message
    assert outcome.failure is not None
    assert outcome.failure["exit_code"] == code


def test_a_working_directory_that_is_missing(lab: Laboratory, spec: dict[str, Any]) -> None:
    outcome = lab.exec("target", spec, args=["pwd"], cwd="/no/such")
    assert outcome.message == "changing to the working directory /no/such: no such file or directory"


def test_a_container_that_has_ended(lab: Laboratory) -> None:
    spec = lab.spec("true")
    lab.run(spec, keep="ended")
    lab.shell("sleep 0.2")
    outcome = lab.exec("ended", spec, args=["true"])
    assert outcome.failure is not None
    lab.ask("stop", name="ended")


def test_host_users(lab: Laboratory) -> None:
    spec = lab.spec("sleep", "1000", own_user=False)
    lab.run(spec, keep="host-users")
    try:
        assert lab.exec("host-users", spec, args=["id", "-u"]).out == "0\n"
    finally:
        lab.ask("stop", name="host-users")
