"""Every switch that weakens a container is visible: when it runs, in inspect, in ps, in words."""

from __future__ import annotations

import json
import os

import pytest

from tests.harness.capabilities import have
from tests.harness.command import Command

# the switches, what `given up` names, what only real root gives up by it
SWITCHES = [
    (["--privileged"], ["devices", "capabilities", "system calls"], ["user namespace"]),
    (["--userns=host"], [], ["user namespace"]),
    (["--pid=host"], ["processes"], ["user namespace"]),
    (["--ipc=host"], ["shared memory and message queues"], ["user namespace"]),
    (["--uts=host"], ["host name"], []),
    (["--network=host"], ["network"], []),
    (["--cgroupns=host"], ["control groups"], []),
    (["--cap-add=SYS_ADMIN"], ["capabilities"], []),
    (["--cap-add=ALL"], ["capabilities"], []),
    (["--security-opt", "seccomp=unconfined"], ["system calls"], []),
    (["--security-opt", "systempaths=unconfined"], ["parts of /proc and /sys"], []),
    (["--device=/dev/full"], ["device /dev/full"], []),
    (["-v", "/:/machine"], ["/"], []),
    (["-v", "/dev:/machine"], ["/dev"], []),
]


@pytest.mark.parametrize(
    ("switches", "always", "as_root"), SWITCHES, ids=[" ".join(switches) for switches, *_ in SWITCHES]
)
def test_what_a_switch_gives_up_is_visible(
    wherry: Command, image: str, switches: list[str], always: list[str], as_root: list[str]
) -> None:
    expected = always + (as_root if have("root") else [])
    wherry("run", "-d", "--name", "weak", *switches, image, "sleep", "60")
    told = json.loads(wherry("inspect", "-f", "{{json .Wherry}}", "weak").out)
    subjects = [sentence.partition(":")[0] for sentence in told["GivenUp"]]
    for what in expected:
        assert any(subject.startswith(what) for subject in subjects), (what, subjects)
    shown = wherry("ps", "--format", "{{.GivenUp}}").line
    words = wherry("container", "confinement", "weak").out
    for what in expected:
        assert what in shown
        assert any(line.startswith("given up") and what in line for line in words.splitlines()), words
    if as_root and have("root"):
        assert "root of this machine" in words or "root of whoever" in words


def test_a_default_container_gives_nothing_up(wherry: Command, image: str) -> None:
    name = wherry("run", "-d", image, "sleep", "60").line
    told = json.loads(wherry("inspect", "-f", "{{json .Wherry}}", name).out)
    unavoidable = ("limits", "AppArmor") if not have("root") else ()
    assert [s for s in told["GivenUp"] if not s.startswith(unavoidable)] == []
    assert told["Seccomp"] == "default"
    assert told["NoNewPrivileges"] is True
    assert len(told["Capabilities"]) == 14
    words = wherry("container", "confinement", name).out
    assert "no_new_privs" in words
    if os.geteuid() == 0:
        assert told["UserNamespace"] == "own"
        first = int(told["IdRange"].partition("-")[0])
        assert first >= 100_000
        assert str(first) in words


def test_an_image_that_needs_setuid_says_so(wherry: Command, image: str) -> None:
    """no_new_privs for root alone; a user who may become root by sudo is told of."""
    wherry("run", "-d", "--name", "user", "-u", "1000", image, "sleep", "60")
    assert "set-user-id programs" in wherry("container", "confinement", "user").out


def test_walls_as_json_and_of_nobody(wherry: Command, image: str) -> None:
    wherry("create", "--name", "made", image, "true")
    lines = json.loads(wherry("container", "confinement", "-f", "json", "made").out)
    assert {"Wall", "Words"} == set(lines[0])
    assert wherry("container", "confinement", "nobody", code=1).err.startswith("wherry: No such container")
