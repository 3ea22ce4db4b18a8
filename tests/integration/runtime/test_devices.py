"""/dev, terminals, and process 1 of `--init`."""

from __future__ import annotations

import os

import pytest

from tests.harness.runtime_lab import Laboratory, bind

pytestmark = pytest.mark.needs("busybox")


def test_the_standard_devices(lab: Laboratory) -> None:
    outcome = lab.run(
        "cd /dev; stat -c '%n %t,%T %a' null zero full random urandom tty; "
        "for link in fd stdin stdout stderr ptmx; do readlink $link; done; "
        "head -c 3 zero | wc -c; echo x >null; head -c 4 urandom | wc -c; (echo y >full) 2>&1"
    )
    lines = outcome.out.splitlines()
    assert lines[:6] == [
        "null 1,3 666",
        "zero 1,5 666",
        "full 1,7 666",
        "random 1,8 666",
        "urandom 1,9 666",
        "tty 5,0 666",
    ]
    assert lines[6:11] == [
        "/proc/self/fd",
        "/proc/self/fd/0",
        "/proc/self/fd/1",
        "/proc/self/fd/2",
        "pts/ptmx",
    ]
    assert lines[11:13] == ["3", "4"]
    assert "No space left" in outcome.out + outcome.err


@pytest.mark.needs("root")
def test_a_device_of_the_specification(lab: Laboratory) -> None:
    spec = lab.spec(
        "sh", "-c", "stat -c '%t,%T %a %u %g' /dev/special/mine; head -c 2 /dev/special/mine | wc -c"
    )
    spec["linux"]["devices"] = [
        {
            "path": "/dev/special/mine",
            "type": "c",
            "major": 1,
            "minor": 5,
            "fileMode": 0o640,
            "uid": 3,
            "gid": 4,
        }
    ]
    assert lab.run(spec).out.splitlines() == ["1,5 640 3 4", "2"]


def test_a_device_bound_from_outside(lab: Laboratory) -> None:
    spec = lab.spec("sh", "-c", "head -c 2 /dev/other | wc -c")
    spec["mounts"].append(bind("/dev/zero", "/dev/other"))
    assert lab.run(spec).out == "2\n"


def test_devices_can_not_be_made(lab: Laboratory) -> None:
    outcome = lab.run(
        "mknod /dev/mine c 1 5 && echo made; mknod /root/mine c 1 5 && cat /root/mine | head -c 1"
    )
    assert outcome.out == ""


def test_standard_output_may_be_opened_once_more(lab: Laboratory) -> None:
    spec = lab.spec("sh", "-c", "echo again >/dev/stdout; echo wrong >/dev/stderr")
    if os.geteuid() == 0:
        spec["process"]["user"] = {"uid": 5, "gid": 5}
    outcome = lab.run(spec)
    assert (outcome.out, outcome.err) == ("again\n", "wrong\n")


def test_a_terminal(lab: Laboratory) -> None:
    spec = lab.spec(
        "sh",
        "-c",
        "tty; stty size; stat -c '%t,%T' /dev/console; echo to-tty >/dev/tty; ls /proc/self/fd | wc -l",
    )
    spec["process"].update(terminal=True, consoleSize={"height": 24, "width": 99})
    outcome = lab.run(spec)
    assert outcome.failure is None, outcome.failure
    assert outcome.console.splitlines() == ["/dev/pts/0", "24 99", "88,0", "to-tty", "4"]


def test_a_terminal_is_of_the_containers_own_instance(lab: Laboratory) -> None:
    before = set(os.listdir("/dev/pts"))
    spec = lab.spec("sh", "-c", "ls /dev/pts")
    spec["process"]["terminal"] = True
    assert lab.run(spec).console.split() == ["0", "ptmx"]
    assert set(os.listdir("/dev/pts")) <= before


def test_init_reaps_and_passes_signals_on(lab: Laboratory) -> None:
    script = "trap 'echo got; exit 9' TERM; (sleep 0.05 &) ; echo $$; kill -TERM 1; sleep 5 & wait"
    spec = lab.spec("sh", "-c", script)
    spec["annotations"] = {"wherry.init": "true"}
    outcome = lab.run(spec)
    assert outcome.failure is None, outcome.failure
    assert outcome.out.split() == ["2", "got"]
    assert outcome.code == 9


def test_init_leaves_no_zombies_and_is_small(lab: Laboratory) -> None:
    spec = lab.spec(
        "sh", "-c", "sh -c 'true & exec true' ; sleep 0.2; ps -o stat | grep -c Z; grep VmRSS /proc/1/status"
    )
    spec["annotations"] = {"wherry.init": "true"}
    zombies, *memory = lab.run(spec).out.split()
    assert zombies == "0"
    assert int(memory[1]) < 100  # kB


@pytest.mark.parametrize(("script", "code"), [("exit 3", 3), ("kill -KILL $$", 137)])
def test_init_ends_as_its_child_does(lab: Laboratory, script: str, code: int) -> None:
    spec = lab.spec("sh", "-c", script)
    spec["annotations"] = {"wherry.init": "true"}
    assert lab.run(spec).code == code


def test_init_and_a_program_that_is_missing(lab: Laboratory) -> None:
    spec = lab.spec("nonsense")
    spec["annotations"] = {"wherry.init": "true"}
    assert "executable file not found in $PATH" in lab.run(spec).message


def test_the_init_program_can_not_be_changed(lab: Laboratory) -> None:
    spec = lab.spec("sh", "-c", "echo x >/proc/1/exe; echo x >>/proc/1/exe; head -c 4 /proc/1/exe")
    spec["annotations"] = {"wherry.init": "true"}
    assert lab.run(spec).out.endswith("ELF")
