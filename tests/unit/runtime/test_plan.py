"""Plans: what a specification comes to, before anything is done."""

from __future__ import annotations

import resource
from typing import Any

import pytest

from wherry.errors import Invalid, Unsupported
from wherry.linux import mounts, namespaces
from wherry.linux.idmaps import IdRange
from wherry.runtime import plan, process_plan

ROOTFS = {"mounts": [{"type": "overlay", "target": "/", "lower": ["/a", "/b"], "upper": "/u", "work": "/w"}]}


def spec(**linux: Any) -> dict[str, Any]:
    kinds = ["mount", "pid", "user"]
    ids = [{"containerID": 0, "hostID": 100, "size": 10}]
    base = {"namespaces": [{"type": kind} for kind in kinds], "uidMappings": ids, "gidMappings": ids}
    return {"process": {"args": ["true"]}, "linux": {**base, **linux}}


def test_namespaces_to_make_and_to_join() -> None:
    listed = [
        {"type": "mount"},
        {"type": "user", "path": "/proc/1/ns/user"},
        {"type": "network", "path": "/proc/1/ns/net"},
        {"type": "uts"},
    ]
    made = plan.of(spec(namespaces=listed), ROOTFS)
    assert made.new == namespaces.NEWNS | namespaces.NEWUTS
    # The user namespace comes last: joining it gives up the rights that joining the others takes.
    assert made.joins == (
        (namespaces.NEWNET, "/proc/1/ns/net"),
        (namespaces.NEWUSER, "/proc/1/ns/user"),
    )
    assert made.shares_host(namespaces.NEWPID)
    assert made.joins_kind(namespaces.NEWNET)
    assert made.makes(namespaces.NEWUTS)


def test_layers() -> None:
    made = plan.of(spec(), ROOTFS)
    assert made.root == (plan.Layers(True, "/", ("/a", "/b"), "/u", "/w", True),)
    assert made.root[0].descriptors() == 5
    assert made.uids == (IdRange(0, 100, 10),)


def test_the_same_ids_need_no_map() -> None:
    ids = [{"containerID": 0, "hostID": 0, "size": 10}]
    made = plan.of(spec(uidMappings=ids, gidMappings=ids), ROOTFS)
    assert made.is_identity()
    assert not made.root[0].idmap


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"namespaces": [{"type": "mount"}, {"type": "mount"}]}, Invalid),
        ({"namespaces": [{"type": "mount"}, {"type": "nonsense"}]}, Invalid),
        ({"namespaces": []}, Unsupported),
        ({"uidMappings": []}, Invalid),
        ({"rootfsPropagation": "sideways"}, Invalid),
        ({"intelRdt": {"closID": "x"}}, Unsupported),
        ({"netDevices": {"eth0": {}}}, Unsupported),
    ],
)
def test_what_can_not_be_done_is_refused(change: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        plan.of(spec(**change), ROOTFS)


@pytest.mark.parametrize("mount", [{"type": "nonsense", "target": "/"}, {"type": "overlay", "target": "/"}])
def test_a_root_that_is_no_root(mount: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        plan.of(spec(), {"mounts": [mount]})


def test_mounts() -> None:
    asked = {
        **spec(),
        "mounts": [{"destination": "x", "source": "/s", "options": ["rbind", "ro", "rslave", "ridmap"]}],
    }
    (mount,) = plan.of(asked, ROOTFS).mounts
    assert (mount.kind, mount.source, mount.target) == ("bind", "/s", "/x")
    assert mount.options.recursive
    assert mount.options.on == mounts.RDONLY
    assert (mount.options.propagation, mount.options.propagation_recursive) == (mounts.SLAVE, True)
    assert mount.options.idmap_recursive


def test_a_mount_without_a_type() -> None:
    with pytest.raises(Invalid):
        plan.of({**spec(), "mounts": [{"destination": "/x"}]}, ROOTFS)


def process(**more: Any) -> process_plan.ProcessPlan:
    return process_plan.of({"args": ["a"], **more}, {})


def test_a_process() -> None:
    made = process(
        args=["sh", "-c", "ü"],
        env=["PATH=/bin", "PATH=/later", "X"],
        user={"uid": 1, "gid": 2, "additionalGids": [3], "umask": 0},
        rlimits=[{"type": "RLIMIT_NOFILE", "soft": 1, "hard": 2**64 - 1}],
        consoleSize={"height": 1, "width": 2},
        ioPriority={"class": "IOPRIO_CLASS_IDLE"},
    )
    assert made.arguments == (b"sh", b"-c", "ü".encode())
    assert made.search_path == "/bin"
    assert (made.uid, made.gid, made.groups, made.umask) == (1, 2, (3,), 0)
    assert made.limits == ((resource.RLIMIT_NOFILE, 1, resource.RLIM_INFINITY),)
    assert made.size == (1, 2)
    assert made.io_priority == 3 << 13


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"args": []}, Invalid),
        ({"args": ["a\0b"]}, Invalid),
        ({"env": ["a\0b"]}, Invalid),
        ({"cwd": "relative"}, Invalid),
        ({"rlimits": [{"type": "RLIMIT_NONSENSE", "soft": 1, "hard": 1}]}, Invalid),
        ({"rlimits": [{"type": "getrlimit", "soft": 1, "hard": 1}]}, Invalid),
        ({"selinuxLabel": "x"}, Unsupported),
        ({"scheduler": {"policy": "SCHED_FIFO"}}, Unsupported),
        ({"execCPUAffinity": {"initial": "0"}}, Unsupported),
        ({"ioPriority": {"class": "x"}}, Invalid),
    ],
)
def test_processes_that_are_refused(change: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        process(**change)
