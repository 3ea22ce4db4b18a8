"""Which switches keep a user namespace of the container's own, and which can't."""

from __future__ import annotations

from typing import Any

import pytest

from wherry.engine.models import ContainerConfig, DeviceMapping, Empty, HostConfig
from wherry.engine.spec import userns
from wherry.engine.spec.facts import Facts
from wherry.errors import Invalid


def decide(
    facts: Facts, exposed: str = "", others: dict[str, str] | None = None, **host: Any
) -> userns.Decision:
    config = ContainerConfig(exposed_ports={exposed: Empty()} if exposed else None)
    return userns.decide(config, HostConfig(**host), facts, others)


@pytest.mark.parametrize(
    "host",
    [
        {},
        {"network_mode": "none"},
        {"network_mode": "host"},
        {"cap_add": ["SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE"]},
        {"devices": [DeviceMapping(path_on_host="/dev/null")]},
        {"uts_mode": "host", "cgroupns_mode": "host"},
        {"security_opt": ["seccomp=unconfined"]},
        {"cap_add": ["IPC_LOCK", "SYS_NICE"]},
        {"sysctls": {"net.ipv4.ip_forward": "1", "kernel.shmmax": "1"}},
    ],
)
def test_its_own(facts: Facts, host: dict[str, Any]) -> None:
    assert decide(facts, **host) == userns.Decision(userns.OWN)


@pytest.mark.parametrize(
    ("host", "because"),
    [
        ({"userns_mode": "host"}, "--userns host"),
        ({"privileged": True}, "--privileged"),
        ({"pid_mode": "host"}, "--pid host"),
        ({"ipc_mode": "host"}, "--ipc host"),
        ({"cap_add": ["sys_time"]}, "--cap-add SYS_TIME"),
        ({"cap_add": ["ALL"]}, "--cap-add ALL"),
        ({"device_cgroup_rules": ["c 1:1 r"]}, "--device-cgroup-rule"),
        ({"sysctls": {"net.core.somaxconn": "9"}}, "--sysctl net.core.somaxconn"),
        ({"network_mode": "host", "cap_add": ["NET_ADMIN"]}, "--cap-add NET_ADMIN"),
        ({"network_mode": "host", "exposed": "80/tcp"}, "--network host with port 80"),
    ],
)
def test_the_machines(facts: Facts, host: dict[str, Any], because: str) -> None:
    decision = decide(facts, **host)
    assert decision.kind == userns.HOST
    assert len(decision.given_up) == 1
    assert because in decision.given_up[0]


def test_several_reasons_make_one_sentence(facts: Facts) -> None:
    (sentence,) = decide(facts, pid_mode="host", ipc_mode="host").given_up
    assert sentence.endswith("(--pid host, --ipc host can't do their work otherwise)")


def test_high_ports_and_machines_with_open_ports_need_nothing(facts: Facts) -> None:
    assert decide(facts, "8080/tcp", network_mode="host").kind == userns.OWN
    assert decide(facts._replace(first_open_port=0), "80/tcp", network_mode="host").kind == userns.OWN


def test_rootless_never_leaves_the_engines_namespace(facts: Facts) -> None:
    rootless = facts._replace(rootless=True, ids=65537)
    wishes: tuple[dict[str, Any], ...] = (
        {},
        {"privileged": True},
        {"pid_mode": "host"},
        {"cap_add": ["ALL"]},
    )
    for host in wishes:
        assert decide(rootless, **host).kind == userns.ENGINE
    assert "is you" in decide(rootless, userns_mode="host").given_up[0]


def test_who_joins_another_shares_its_user_namespace(facts: Facts) -> None:
    joined = decide(facts, network_mode="container:web", others={"web": "own"})
    assert (joined.kind, joined.container) == (userns.JOINED, "web")
    exposed = decide(facts, pid_mode="container:web", others={"web": userns.HOST})
    assert exposed.kind == userns.HOST
    assert "as in container web" in exposed.given_up[0]


def test_modes_that_do_not_exist(facts: Facts) -> None:
    wrong: tuple[dict[str, Any], ...] = (
        {"userns_mode": "mine"},
        {"pid_mode": "container:"},
        {"ipc_mode": "what"},
    )
    for host in wrong:
        with pytest.raises(Invalid, match="mode: "):
            decide(facts, **host)
