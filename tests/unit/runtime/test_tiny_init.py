"""Process 1 of `--init`, as an executable of its own; in containers it is tested in tests/integration."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from wherry.errors import Unsupported
from wherry.runtime import tiny_init

MACHINES = [os.uname().machine, *({"x86_64", "aarch64"} - {os.uname().machine})]


@pytest.fixture(params=MACHINES)
def command(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    """The program for each machine; the other one's by way of an emulator, where there is one."""
    machine = request.param
    program = tmp_path / "init"
    program.write_bytes(tiny_init.executable(machine))
    program.chmod(0o755)
    if machine == os.uname().machine:
        return [str(program)]
    emulator = shutil.which(f"qemu-{machine}")
    if emulator is None:
        pytest.skip(f"needs qemu-{machine}")
    return [emulator, str(program)]


def run(command: list[str], script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command, "/bin/sh", "sh", "-c", script], capture_output=True, text=True, check=False
    )


def test_it_ends_as_its_child(command: list[str]) -> None:
    assert run(command, "exit 7").returncode == 7
    assert run(command, "kill -KILL $$").returncode == 137
    assert run(command, "kill -TERM $$").returncode == 143


def test_its_name(command: list[str]) -> None:
    assert run(command, "cat /proc/$PPID/comm; cat /proc/$$/comm").stdout == "wherry-init\nsh\n"


def test_arguments_and_environment(command: list[str]) -> None:
    done = subprocess.run(
        [*command, "/usr/bin/env", "name"],
        env={"A": "1", "B": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert sorted(done.stdout.splitlines()) == ["A=1", "B="]


@pytest.mark.parametrize(("program", "code"), [("/no/such", 127), ("/etc/passwd", 126)])
def test_a_program_that_does_not_run(command: list[str], program: str, code: int) -> None:
    done = subprocess.run([*command, program, "x"], capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert "can't be executed" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGINT])
def test_signals_are_passed_on(command: list[str], number: int) -> None:
    script = f"trap 'echo got; exit 3' {int(number)}; echo ready; sleep 10 & wait"
    process = subprocess.Popen([*command, "/bin/sh", "sh", "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.05)  # the shell is on its way from echo to wait
    process.send_signal(number)
    assert process.wait(60) == 3
    process.stdout.close()


def test_it_is_small() -> None:
    for machine in MACHINES:
        assert len(tiny_init.executable(machine)) < 1024


def test_a_machine_without_one() -> None:
    with pytest.raises(Unsupported):
        tiny_init.executable("vax")


def test_the_descriptor_is_sealed() -> None:
    descriptor = tiny_init.descriptor()
    assert descriptor == tiny_init.descriptor()
    with pytest.raises(PermissionError):
        os.pwrite(descriptor, b"x", 0)
    with pytest.raises(PermissionError):
        os.ftruncate(descriptor, 0)
