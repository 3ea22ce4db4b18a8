"""What a process without standard input gets is the null device, and not the machine's own node of it."""

from __future__ import annotations

import os

import pytest

from tests.harness.command import Command

pytestmark = pytest.mark.needs("root")  # for anyone else that node belongs to an id the container lacks

LOOK = "stat -L -c '%d:%i %t:%T %a' /proc/self/fd/0; wc -c </proc/self/fd/0"


@pytest.mark.parametrize("options", [[], ["--userns=host"], ["--privileged"]])
def test_standard_input_of_run_and_exec(wherry: Command, image: str, options: list[str]) -> None:
    machine = os.stat("/dev/null")
    wherry("run", "-d", "--name", "null", *options, image, "sleep", "600")
    for words in (["run", "--rm", *options, image], ["exec", "null"]):
        node, number, mode, size = wherry(*words, "sh", "-c", LOOK).out.split()
        assert node != f"{machine.st_dev}:{machine.st_ino}"
        assert (number, mode, size) == ("1:3", "666", "0")


@pytest.mark.needs("runc", "crun")
def test_another_runtime_changes_nothing_of_the_machines(wherry: Command, image: str) -> None:
    """crun gives what it finds as standard input to the container's user."""
    before = os.stat("/dev/null")
    for runtime in ("runc", "crun"):  # crun refuses some machines' control groups, but not before that
        wherry("run", "--rm", "--runtime", runtime, image, "true", code=None)
    after = os.stat("/dev/null")
    assert (before.st_uid, before.st_gid, before.st_mode) == (after.st_uid, after.st_gid, after.st_mode)
