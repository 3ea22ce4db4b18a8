"""Namespaces: new ones, the runtime's own, and those of another container."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.harness.runtime_lab import Laboratory

pytestmark = pytest.mark.needs("busybox")

KINDS = {
    "pid": "pid",
    "network": "net",
    "ipc": "ipc",
    "uts": "uts",
    "mount": "mnt",
    "user": "user",
    "cgroup": "cgroup",
}
LIST = "for kind in pid net ipc uts mnt user cgroup; do readlink /proc/self/ns/$kind; done"


def without(spec: dict[str, Any], kind: str) -> dict[str, Any]:
    linux = spec["linux"]
    linux["namespaces"] = [entry for entry in linux["namespaces"] if entry["type"] != kind]
    return spec


def join(spec: dict[str, Any], pid: int, *kinds: str) -> dict[str, Any]:
    for kind in kinds:
        without(spec, kind)
        spec["linux"]["namespaces"].append({"type": kind, "path": f"/proc/{pid}/ns/{KINDS[kind]}"})
    if "user" in kinds:
        del spec["linux"]["uidMappings"], spec["linux"]["gidMappings"]
    return spec


def test_every_namespace_is_its_own(lab: Laboratory) -> None:
    inside = set(lab.run(LIST).out.split())
    assert len(inside) == 7
    outside = set(lab.shell(LIST).split())
    assert not inside & outside


@pytest.mark.parametrize("kind", ["network", "ipc", "uts", "cgroup", "pid"])
def test_a_namespace_left_out_is_shared(lab: Laboratory, kind: str) -> None:
    spec = without(lab.spec("readlink", f"/proc/self/ns/{KINDS[kind]}"), kind)
    if kind == "uts":
        spec.pop("hostname")
    if kind == "ipc":
        spec["mounts"] = [entry for entry in spec["mounts"] if entry["type"] != "mqueue"]
    outcome = lab.run(spec)
    assert outcome.failure is None, outcome.failure
    assert outcome.out == lab.shell(f"readlink /proc/self/ns/{KINDS[kind]}")


def test_process_one_and_host_name(lab: Laboratory) -> None:
    spec = lab.spec("sh", "-c", "echo $$; hostname; cat /proc/sys/kernel/domainname; cat /proc/self/uid_map")
    spec["domainname"] = "harbour"
    lines = lab.run(spec).out.splitlines()
    assert lines[:3] == ["1", "laboratory", "harbour"]
    assert lines[3].split()[0] == "0"


def test_joining_another_container(lab: Laboratory) -> None:
    spec = lab.spec("sh", "-c", "ip link set lo up; touch /dev/shm/x; exec sleep 1000")
    first = lab.run(spec, keep="joined")
    try:
        kinds = ("user", "pid", "network", "ipc", "uts")
        second = join(lab.spec("sh", "-c", f"{LIST}; ps"), first.pid, *kinds)
        second.pop("hostname")
        outcome = lab.run(second)
        assert outcome.failure is None, outcome.failure
        of_first = {kind: lab.shell(f"readlink /proc/{first.pid}/ns/{KINDS[kind]}").strip() for kind in KINDS}
        seen = set(outcome.out.split())
        for kind in kinds:
            assert of_first[kind] in seen
        assert of_first["mount"] not in seen
        assert "sleep 1000" in outcome.out
    finally:
        lab.ask("stop", name="joined")


def test_an_own_user_namespace_beside_a_joined_network(lab: Laboratory) -> None:
    first = lab.run(lab.spec("sleep", "1000"), keep="network")
    try:
        spec = join(
            lab.spec("sh", "-c", "readlink /proc/self/ns/net; ls /sys/class/net"), first.pid, "network"
        )
        outcome = lab.run(spec)
        assert outcome.failure is None, outcome.failure
        assert outcome.out.splitlines()[0] == lab.shell(f"readlink /proc/{first.pid}/ns/net").strip()
    finally:
        lab.ask("stop", name="network")


def test_host_users(lab: Laboratory) -> None:
    outcome = lab.run(lab.spec("sh", "-c", "readlink /proc/self/ns/user; id -u", own_user=False))
    assert outcome.out.split() == [lab.shell("readlink /proc/self/ns/user").strip(), "0"]


def test_own_users_are_not_root_outside(lab: Laboratory) -> None:
    kept = lab.run(lab.spec("sleep", "1000"), keep="users")
    try:
        if os.geteuid() == 0:
            assert Path(f"/proc/{kept.pid}").stat().st_uid == 1_000_000
        assert lab.shell(f"readlink /proc/{kept.pid}/ns/user") != lab.shell("readlink /proc/self/ns/user")
    finally:
        lab.ask("stop", name="users")


def test_time_offsets(lab: Laboratory) -> None:
    spec = lab.spec("sh", "-c", "cut -d. -f1 /proc/uptime")
    spec["linux"]["namespaces"].append({"type": "time"})
    spec["linux"]["timeOffsets"] = {"boottime": {"secs": 1_000_000}}
    assert int(lab.run(spec).out) > 1_000_000


def test_a_namespace_that_does_not_exist(lab: Laboratory) -> None:
    spec = join(lab.spec("true"), 999_999_999, "network")
    outcome = lab.run(spec)
    assert outcome.message == "joining the namespace /proc/999999999/ns/net: no such file or directory"


def test_sysctls_of_the_namespaces(lab: Laboratory) -> None:
    spec = lab.spec("sh", "-c", "cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/msgmax")
    spec["linux"]["sysctl"] = {"net.ipv4.ip_unprivileged_port_start": "0", "kernel.msgmax": "4096"}
    outcome = lab.run(spec)
    assert outcome.failure is None, outcome.failure
    assert outcome.out.split() == ["0", "4096"]


def test_a_sysctl_of_the_machine_is_refused(lab: Laboratory) -> None:
    spec = lab.spec("true")
    spec["linux"]["sysctl"] = {"vm.swappiness": "1"}
    assert "sysctl vm.swappiness" in lab.run(spec).message
