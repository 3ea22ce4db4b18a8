"""The whole specification, part by part."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from wherry.engine.containers.record import PlannedMount
from wherry.engine.models import ContainerConfig, DeviceMapping, Ulimit
from wherry.engine.spec.facts import Facts
from wherry.engine.spec.process import User
from wherry.engine.spec.translate import Translation
from wherry.errors import Invalid

Translate = Callable[..., Translation]


def namespaces(translation: Translation) -> dict[str, str]:
    return {entry["type"]: entry.get("path", "") for entry in translation.spec["linux"]["namespaces"]}


def mounts(translation: Translation) -> dict[str, dict[str, Any]]:
    return {entry["destination"]: entry for entry in translation.spec["mounts"]}


def test_a_container_that_asks_for_nothing_gives_up_nothing(translated: Translate) -> None:
    plain = translated()
    assert plain.confinement.given_up == []
    assert plain.confinement.user_namespace == "own"
    assert plain.confinement.id_range == "1879048192-1879113727"
    assert plain.confinement.seccomp == "default"
    assert plain.confinement.no_new_privileges
    assert set(namespaces(plain)) == {"mount", "user", "pid", "ipc", "network", "uts", "cgroup"}
    linux = plain.spec["linux"]
    assert linux["uidMappings"] == [{"containerID": 0, "hostID": 0x70000000, "size": 65536}]
    assert linux["resources"] == {"pids": {"limit": 4000}}
    assert "/proc/kcore" in linux["maskedPaths"]
    assert "/proc/sys" in linux["readonlyPaths"]
    assert linux["sysctl"]["net.ipv4.ping_group_range"] == "0 65535"
    assert plain.spec["hostname"] == "box"
    assert "ro" in mounts(plain)["/sys"]["options"]
    assert "ro" in mounts(plain)["/sys/fs/cgroup"]["options"]
    json.dumps(plain.spec)


def test_privileged_is_open(translated: Translate) -> None:
    open_one = translated(privileged=True, cgroupns_mode="host")
    linux = open_one.spec["linux"]
    assert "user" not in namespaces(open_one)
    assert "seccomp" not in linux
    assert linux["maskedPaths"] == linux["readonlyPaths"] == []
    assert linux["resources"]["devices"] == [{"allow": True, "access": "rwm"}]
    assert any(device["path"] == "/dev/null" for device in linux["devices"])
    assert not open_one.spec["process"]["noNewPrivileges"]
    assert "ro" not in mounts(open_one)["/sys"]["options"]
    said = " ".join(open_one.confinement.given_up)
    for word in ("user namespace", "devices", "system calls", "capabilities: all"):
        assert word in said


def test_rootless_maps_the_engines_ids_as_they_are(translated: Translate, facts: Facts) -> None:
    one = translated(
        facts._replace(rootless=True, ids=65537), wish={"planned": [PlannedMount("bind", "/x", "/y")]}
    )
    assert one.spec["linux"]["uidMappings"] == [{"containerID": 0, "hostID": 0, "size": 65537}]
    assert "ridmap" not in mounts(one)["/x"]["options"]
    assert one.confinement.user_namespace == "engine"


def test_rootless_without_cgroups_says_so(translated: Translate, facts: Facts) -> None:
    poor = facts._replace(rootless=True, limits=facts.limits._replace(memory=False, pids=False))
    one = translated(poor)
    assert any(sentence.startswith("limits:") for sentence in one.confinement.given_up)
    assert "pids" not in one.spec["linux"]["resources"]
    assert one.spec["process"]["rlimits"] == [{"type": "RLIMIT_NPROC", "soft": 4000, "hard": 4000}]
    assert translated(poor, pids_limit=7).spec["process"]["rlimits"][0]["hard"] == 7
    assert translated(poor, pids_limit=-1).spec["process"]["rlimits"] == []


def test_joining_another_container(translated: Translate) -> None:
    one = translated(
        others={"web": "own"},
        network_mode="container:web",
        pid_mode="container:web",
        wish={"joined": {"network": 41, "pid": 41}},
    )
    found = namespaces(one)
    assert found["user"] == "/proc/41/ns/user"
    assert found["network"] == "/proc/41/ns/net"
    assert found["pid"] == "/proc/41/ns/pid"
    assert "uidMappings" not in one.spec["linux"]
    assert "sysctl" not in one.spec["linux"]


@pytest.mark.parametrize(
    ("host", "missing", "sentence"),
    [
        ({"pid_mode": "host"}, "pid", "processes: sees all"),
        ({"ipc_mode": "host"}, "ipc", "shared memory"),
        ({"uts_mode": "host"}, "uts", "host name"),
        ({"network_mode": "host"}, "network", "ports below 1024 stay closed"),
        ({"cgroupns_mode": "host"}, "cgroup", "control groups"),
    ],
)
def test_sharing_with_the_machine(
    translated: Translate, host: dict[str, str], missing: str, sentence: str
) -> None:
    one = translated(**host)
    assert missing not in namespaces(one)
    assert any(sentence in said for said in one.confinement.given_up)
    assert ("hostname" in one.spec) == (missing != "uts")


def test_seccomp_profiles(translated: Translate) -> None:
    assert "seccomp" not in translated(security_opt=["seccomp=unconfined"]).spec["linux"]
    profile = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [
            {"names": ["mount"], "action": "SCMP_ACT_ERRNO", "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
            {"name": "reboot", "action": "SCMP_ACT_ERRNO", "includes": {"minKernel": "6.13"}},
            {
                "name": "swapon",
                "action": "SCMP_ACT_ERRNO",
                "includes": {"minKernel": "4.8", "arches": ["amd64"]},
            },
        ],
    }
    one = translated(security_opt=[f"seccomp={json.dumps(profile)}"])
    assert [rule["names"] for rule in one.spec["linux"]["seccomp"]["syscalls"]] == [["mount"], ["swapon"]]
    assert one.confinement.seccomp == "custom"
    with_admin = translated(security_opt=[f"seccomp={json.dumps(profile)}"], cap_add=["SYS_ADMIN"])
    assert [rule["names"] for rule in with_admin.spec["linux"]["seccomp"]["syscalls"]] == [["swapon"]]
    with pytest.raises(Invalid, match="Decoding seccomp profile failed"):
        translated(security_opt=["seccomp={"])


def test_apparmor(translated: Translate, facts: Facts) -> None:
    able = facts._replace(apparmor=True)
    loaded = {"apparmor_default": True}
    assert translated(able, wish=loaded).spec["process"]["apparmorProfile"] == "wherry-default"
    assert "AppArmor: unconfined" in translated(able).confinement.given_up
    named = translated(able, security_opt=["apparmor=mine"], wish=loaded)
    assert named.spec["process"]["apparmorProfile"] == "mine"
    opened = translated(able, security_opt=["apparmor=unconfined"], wish=loaded)
    assert "apparmorProfile" not in opened.spec["process"]
    assert "apparmorProfile" not in translated(able, privileged=True, wish=loaded).spec["process"]
    with pytest.raises(Invalid, match="AppArmor"):
        translated(security_opt=["apparmor=mine"])


def test_no_new_privileges_holds_for_root_and_on_request(translated: Translate) -> None:
    ordinary = User(1000, 1000, ())
    assert not translated(user=ordinary).spec["process"]["noNewPrivileges"]
    assert translated(user=ordinary, security_opt=["no-new-privileges"]).spec["process"]["noNewPrivileges"]
    assert not translated(security_opt=["no-new-privileges=false"]).spec["process"]["noNewPrivileges"]


@pytest.mark.parametrize("option", ["nonsense", "colour=blue", "no-new-privileges=perhaps"])
def test_security_options_that_do_not_exist(translated: Translate, option: str) -> None:
    with pytest.raises(Invalid, match="invalid --security-opt"):
        translated(security_opt=[option])


def test_labels_are_answered_with_a_word(translated: Translate) -> None:
    assert translated(security_opt=["label=disable"]).confinement.given_up == []
    assert "label" in translated(security_opt=["label=type:x"]).confinement.given_up[0]


def test_devices_need_no_rules_in_a_user_namespace(translated: Translate) -> None:
    mapped = DeviceMapping(path_on_host="/dev/zero", path_in_container="/dev/nothing")
    one = translated(devices=[mapped])
    (device,) = one.spec["linux"]["devices"]
    assert (device["path"], device["major"], device["minor"]) == ("/dev/nothing", 1, 5)
    assert "devices" not in one.spec["linux"]["resources"]
    assert any("/dev/zero" in sentence for sentence in one.confinement.given_up)
    reading = translated(devices=[DeviceMapping(path_on_host="/dev/zero", cgroup_permissions="r")])
    rules = reading.spec["linux"]["resources"]["devices"]
    assert rules[0] == {"allow": False, "access": "rwm"}
    assert rules[-1] == {"allow": True, "type": "c", "major": 1, "minor": 5, "access": "r"}
    assert translated(userns_mode="host").spec["linux"]["resources"]["devices"][0]["allow"] is False
    with pytest.raises(Invalid, match='adding custom device "/dev/none": no such file'):
        translated(devices=[DeviceMapping(path_on_host="/dev/none")])


def test_devices_are_bound_where_no_node_can_be_made(translated: Translate, facts: Facts) -> None:
    mapped = DeviceMapping(path_on_host="/dev/zero", path_in_container="/dev/nothing")
    one = translated(facts._replace(rootless=True), devices=[mapped])
    assert mounts(one)["/dev/nothing"]["source"] == "/dev/zero"
    assert "devices" not in one.spec["linux"]


@pytest.mark.parametrize("rule", ["x 1:1 r", "c 1 r", "c 1:1 q", "c 1:z r", "c"])
def test_device_rules_that_are_none(translated: Translate, rule: str) -> None:
    with pytest.raises(Invalid, match="invalid device cgroup rule format"):
        translated(device_cgroup_rules=[rule])


def test_mounts_of_the_user(translated: Translate) -> None:
    planned = [
        PlannedMount("bind", "/a/b", "/host/b", read_only=True),
        PlannedMount("bind", "/a", "/host/a", propagation="rslave"),
        PlannedMount("volume", "/v", "/volumes/v", read_only=True, read_only_non_recursive=True),
        PlannedMount("tmpfs", "/t", size=1024, permissions=0o1777),
        PlannedMount("bind", "/dev/shm", "/host/shm"),
        PlannedMount("bind", "/n", "/host/n", non_recursive=True),
    ]
    files = {"/etc/hosts": "/state/hosts"}
    one = translated(wish={"planned": planned, "files": files}, tmpfs={"/run": "size=64m,exec"})
    found = mounts(one)
    assert found["/a/b"]["options"] == ["rbind", "rro", "rprivate", "ridmap"]
    assert found["/a"]["options"] == ["rbind", "rslave", "ridmap"]
    assert found["/v"]["options"] == ["rbind", "ro", "rprivate", "ridmap"]
    assert found["/n"]["options"] == ["bind", "rprivate", "idmap"]
    assert found["/t"]["options"][-2:] == ["size=1024", "mode=1777"]
    assert found["/run"]["options"][-2:] == ["size=64m", "exec"]
    assert found["/dev/shm"]["source"] == "/host/shm"
    assert found["/etc/hosts"]["source"] == "/state/hosts"
    order = [entry["destination"] for entry in one.spec["mounts"]]
    assert order.index("/a") < order.index("/a/b")
    assert len(order) == len(set(order))
    assert one.spec["linux"]["rootfsPropagation"] == "rslave"


def test_shared_memory(translated: Translate) -> None:
    assert "size=1048576" in mounts(translated(shm_size=1 << 20))["/dev/shm"]["options"]
    assert "/dev/shm" not in mounts(translated(ipc_mode="none"))
    shared = translated(ipc_mode="shareable", wish={"shm": "/run/shm"})
    assert mounts(shared)["/dev/shm"]["source"] == "/run/shm"
    assert mounts(translated(ipc_mode="host"))["/dev/shm"]["type"] == "bind"
    assert mounts(translated(ipc_mode="host"))["/dev/mqueue"]["type"] == "mqueue"
    joined = translated(
        others={"web": "own"}, ipc_mode="container:web", wish={"shm": "/run/shm", "joined": {"ipc": 41}}
    )
    assert joined.spec["linux"]["sysctl"]["net.ipv4.ping_group_range"] == "0 65535"


def test_limits_of_a_process(translated: Translate, facts: Facts) -> None:
    one = translated(ulimits=[Ulimit(name="nofile", soft=10, hard=20), Ulimit(name="core", soft=-1, hard=-1)])
    assert one.spec["process"]["rlimits"] == [
        {"type": "RLIMIT_NOFILE", "soft": 10, "hard": 20},
        {"type": "RLIMIT_CORE", "soft": 2**64 - 1, "hard": 2**64 - 1},
    ]
    locked = translated(cap_add=["IPC_LOCK"]).spec["process"]["rlimits"]
    assert locked == [{"type": "RLIMIT_MEMLOCK", "soft": 2**64 - 1, "hard": 2**64 - 1}]
    poor = facts._replace(capabilities=0)
    assert translated(poor, cap_add=["IPC_LOCK"]).spec["process"]["rlimits"] == []
    for wrong in (Ulimit(name="patience", soft=1, hard=1), Ulimit(name="nofile", soft=2, hard=1)):
        with pytest.raises(Invalid, match="ulimit"):
            translated(ulimits=[wrong])


def test_sysctls_stay_in_the_container(translated: Translate) -> None:
    one = translated(sysctls={"net.core.somaxconn": "9", "kernel.shmmax": "1"})
    assert one.spec["linux"]["sysctl"]["net.core.somaxconn"] == "9"
    with pytest.raises(Invalid, match="not in a separate kernel namespace"):
        translated(sysctls={"kernel.panic": "1"})
    with pytest.raises(Invalid, match="not allowed in host network namespace"):
        translated(sysctls={"net.core.somaxconn": "9"}, network_mode="host")


def test_opened_system_paths_and_keys_of_the_machine_are_named(translated: Translate) -> None:
    opened = translated(masked_paths=[], readonly_paths=[])
    assert opened.spec["linux"]["maskedPaths"] == []
    assert "/proc and /sys" in opened.confinement.given_up[0]
    planned = [PlannedMount("bind", "/s", "/var/run/docker.sock")]
    assert "controls this machine" in translated(wish={"planned": planned}).confinement.given_up[0]


def test_capabilities_that_the_engine_lacks_are_named(translated: Translate, facts: Facts) -> None:
    poor = facts._replace(capabilities=facts.capabilities & ~(1 << 24))
    said = translated(poor, privileged=True).confinement.given_up
    assert any(sentence.startswith("capabilities: not SYS_RESOURCE") for sentence in said)


def test_init_and_annotations(translated: Translate) -> None:
    one = translated(init=True, annotations={"a": "b", "wherry.init": "no"})
    assert one.spec["annotations"] == {"a": "b", "wherry.init": "true"}
    assert "annotations" not in translated(annotations={"wherry.init": "true"}).spec


def test_terminal(translated: Translate) -> None:
    one = translated(config=ContainerConfig(tty=True, working_dir="/x"), console_size=(24, 80))
    assert one.spec["process"]["consoleSize"] == {"height": 24, "width": 80}
    assert one.spec["process"]["cwd"] == "/x"
