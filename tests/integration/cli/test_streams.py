"""Foreground containers without a terminal: streams, signals, exit codes, ids in files."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.harness.command import Command
from tests.harness.engine import EngineUnderTest

QUIET = ("--network", "none")


def test_streams_apart_and_exit_code(wherry: Command, image: str) -> None:
    found = wherry("run", "--rm", *QUIET, image, "sh", "-c", "echo out; echo err >&2; exit 9", code=9)
    assert (found.out, found.err) == ("out\n", "err\n")


@pytest.mark.parametrize("size", [0, 1, 70_000, 5_000_000])
def test_every_byte_there_and_back(wherry: Command, image: str, size: int) -> None:
    """More than all buffers hold, while the container answers: neither side may wait for the other."""
    data = os.urandom(size)
    assert wherry.raw("run", "--rm", "-i", *QUIET, image, "cat", stdin=data).stdout == data


def test_end_of_input_leaves_the_output_open(wherry: Command, image: str) -> None:
    script = "cat >/dev/null; sleep 0.3; echo late"
    found = wherry("run", "--rm", "-i", *QUIET, image, "sh", "-c", script, stdin="x")
    assert found.out == "late\n"


def test_input_that_nobody_reads(wherry: Command, image: str) -> None:
    found = wherry("run", "--rm", "-i", *QUIET, image, "true", stdin=b"x" * 2_000_000)
    assert found.code == 0


def test_exec_input(engine: EngineUnderTest, image: str) -> None:
    engine.wherry("run", "-d", "--name", "box", *QUIET, image, "sleep", "1000")
    data = os.urandom(300_000)
    assert engine.wherry.raw("exec", "-i", "box", "cat", stdin=data).stdout == data
    found = engine.wherry(
        "exec", "-e", "A=b c", "-w", "/tmp", "box", "sh", "-c", "echo $A $PWD; exit 4", code=4
    )
    assert found.out == "b c /tmp\n"


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (["no-such-program"], 127, "executable file not found in $PATH"),
        (["/no/such"], 127, "no such file or directory"),
        (["/etc/passwd"], 126, "permission denied"),
    ],
)
def test_what_can_not_be_run(wherry: Command, image: str, command: list[str], code: int, said: str) -> None:
    found = wherry("run", "--rm", *QUIET, image, *command, code=code)
    assert said in found.err
    assert found.err.startswith("wherry: ")
    assert wherry("ps", "-aq").out == ""


def test_no_image(wherry: Command) -> None:
    found = wherry("run", "--rm", "--pull", "never", "no-such-image", code=125)
    assert "No such image: no-such-image" in found.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_signals_reach_the_process(wherry: Command, image: str, number: signal.Signals) -> None:
    name = number.name.removeprefix("SIG")
    script = f"trap 'echo got {name}; exit 33' {name}; echo ready; while :; do sleep 0.1; done"
    process = wherry.popen("run", "--rm", *QUIET, image, "sh", "-c", script, stdin=subprocess.DEVNULL)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (out, process.returncode) == (f"got {name}\n".encode(), 33), err


def test_ignored_signals_stay_ignored(wherry: Command, image: str) -> None:
    """As under nohup: what the command line ignores from the start does not reach the container."""
    script = "trap 'exit 33' HUP; echo ready; sleep 1; echo done"
    command = ["sh", "-c", "trap '' HUP; exec \"$@\"", "sh"]
    argv = [*command, *wherry._argv(("run", "--rm", *QUIET, image, "sh", "-c", script))]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, env=wherry.environment)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGHUP)
    out, _ = process.communicate(timeout=60)
    assert (out, process.returncode) == (b"done\n", 0)


def test_signals_stay_here_when_asked(engine: EngineUnderTest, image: str) -> None:
    process = engine.wherry.popen(
        "run", "--name", "box", "--sig-proxy=false", *QUIET, image, "sh", "-c", "echo ready; sleep 1000"
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert engine.wherry("inspect", "-f", "{{.State.Running}}", "box").line == "true"


def test_reader_that_leaves(engine: EngineUnderTest, image: str) -> None:
    script = "while :; do echo y; done"
    process = engine.wherry.popen(
        "run", "--name", "box", *QUIET, image, "sh", "-c", script, stdin=subprocess.DEVNULL
    )
    with process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == b"y\n"
        process.stdout.close()
        assert process.wait(60) == 141
        assert process.stderr.read() == b""
    engine.wherry("rm", "-f", "box")


def test_id_file_and_background(wherry: Command, image: str, tmp_path: Path) -> None:
    file = tmp_path / "id"
    container = wherry("run", "-d", "--cidfile", str(file), *QUIET, image, "sleep", "1000").line
    assert file.read_text() == container
    assert len(container) == 64
    found = wherry("run", "-d", "--cidfile", str(file), *QUIET, image, "true", code=125)
    assert "container ID file found" in found.err


def test_start_attached(wherry: Command, image: str) -> None:
    container = wherry("create", "-i", *QUIET, image, "sh", "-c", "cat; exit 6").line
    assert wherry("start", "-ai", container, stdin="hello", code=6).out == "hello"
    assert wherry("logs", container).out == "hello"


def test_logs_followed_until_the_end(wherry: Command, image: str) -> None:
    script = "for i in 1 2 3; do echo $i; sleep 0.2; done"
    container = wherry("run", "-d", *QUIET, image, "sh", "-c", script).line
    assert wherry("logs", "-f", container).out == "1\n2\n3\n"
    assert wherry("logs", "--tail", "1", container).out == "3\n"
    assert wherry("logs", "-t", "-n", "1", container).out.endswith("Z 3\n")


def test_wait_and_several(wherry: Command, image: str) -> None:
    for name, code in (("one", 1), ("two", 2)):
        wherry("run", "-d", "--name", name, *QUIET, image, "sh", "-c", f"exit {code}")
    assert wherry("wait", "one", "two").out == "1\n2\n"
    found = wherry("rm", "one", "missing", "two", code=1)
    assert (found.out, found.err) == ("one\ntwo\n", "wherry: No such container: missing\n")
    assert wherry("rm", "-f", "missing").err == "wherry: No such container: missing\n"


def test_traceback_only_when_asked_for(wherry: Command) -> None:
    found = wherry("inspect", "-f", "{{.Id", "hello", code=1)
    assert "template parsing error" in found.err
    assert "Traceback" not in found.err
    assert "Traceback" in wherry("inspect", "-f", "{{.Id", "hello", code=1, env={"WHERRY_DEBUG": "1"}).err
