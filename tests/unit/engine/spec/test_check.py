"""What is said and refused when a container is made."""

from __future__ import annotations

from typing import Any

import pytest

from wherry.engine.models import ContainerConfig, HostConfig
from wherry.engine.spec.check import check
from wherry.engine.spec.facts import Facts
from wherry.errors import Invalid


def said(facts: Facts, kind: str = "own", **host: Any) -> list[str]:
    return check(ContainerConfig(), HostConfig(**host), facts, lambda _: kind)


def test_nothing_to_say_of_most(facts: Facts) -> None:
    assert said(facts) == []
    assert said(facts, userns_mode="host") == []  # asked for in so many words
    assert said(facts, network_mode="container:web") == []


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ({"privileged": True}, "--privileged"),
        ({"pid_mode": "host"}, "--pid host"),
        ({"network_mode": "host"}, "--userns host opens them"),
        ({"kernel_memory": 1 << 20}, "kernel memory limit"),
        ({"security_opt": ["label=level:s0"]}, "SELinux"),
    ],
)
def test_what_is_given_up_or_not_honoured(facts: Facts, host: dict[str, Any], words: str) -> None:
    (warning,) = said(facts, **host)
    assert words in warning


def test_a_limit_of_processes_without_a_cgroup(facts: Facts) -> None:
    poor = facts._replace(limits=facts.limits._replace(pids=False))
    (warning,) = said(poor, pids_limit=9)
    assert "each user of the container" in warning
    assert "PIDs limit discarded" in said(poor, pids_limit=9, userns_mode="host")[0]


def test_limits_that_cannot_be_lifted(facts: Facts) -> None:
    assert said(facts, cap_add=["IPC_LOCK"]) == []
    (warning,) = said(facts._replace(capabilities=0), cap_add=["IPC_LOCK"])
    assert "IPC_LOCK doesn't lift any limit" in warning


@pytest.mark.parametrize(
    "host",
    [
        {"cap_add": ["FLY"]},
        {"security_opt": ["x=y"]},
        {"security_opt": ["seccomp=["]},
        {"ipc_mode": "odd"},
        {"uts_mode": "container:x"},
        {"sysctls": {"kernel.panic": "1"}},
        {"cpuset_cpus": "99"},
        {"device_cgroup_rules": ["odd"]},
    ],
)
def test_what_is_refused(facts: Facts, host: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        said(facts, **host)
