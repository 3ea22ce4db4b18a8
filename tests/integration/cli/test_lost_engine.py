"""The engine ends while the command line is attached: the container goes on, and so does the command."""

from __future__ import annotations

import subprocess

from tests.harness.engine import EngineUnderTest

QUIET = ("--network", "none")


def test_run_goes_on(own_engine: EngineUnderTest, image: str) -> None:
    script = "echo before; read line; echo after $line; exit 6"
    process = own_engine.wherry.popen("run", "-i", *QUIET, image, "sh", "-c", script)
    with process:
        assert process.stdout is not None and process.stdin is not None and process.stderr is not None
        assert process.stdout.readline() == b"before\n"
        own_engine.kill()
        process.stdin.write(b"the engine\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"after the engine\n"
        assert process.wait(60) == 6, process.stderr.read()


def test_next_command_starts_another(own_engine: EngineUnderTest, image: str) -> None:
    own_engine.wherry("run", "-d", "--name", "stays", *QUIET, image, "sleep", "1000")
    own_engine.kill()
    assert own_engine.wherry("ps", "--format", "{{.Names}} {{.State}}").line == "stays running"
    assert own_engine.wherry("exec", "stays", "echo", "hi").line == "hi"


def test_engine_that_does_not_start(no_engine: EngineUnderTest) -> None:
    """One line that says why, not a wait: here its database is a folder."""
    (no_engine.home / "state" / "wherry.db").mkdir(parents=True)
    found = no_engine.wherry("ps", code=1)
    assert found.err.startswith("wherry: the engine "), found.err
    assert "ended" in found.err
    assert "hint: see " in found.err
    assert "Traceback" not in found.err


def test_folder_of_somebody_else(no_engine: EngineUnderTest) -> None:
    (no_engine.home / "run").symlink_to("/tmp")
    found = no_engine.wherry("ps", code=1)
    assert found.err.startswith("wherry: ")
    assert "run" in found.err
    (no_engine.home / "run").unlink()


def test_many_first_commands(no_engine: EngineUnderTest) -> None:
    """Five at once start one engine."""
    many = [
        no_engine.wherry.popen("version", "-f", "{{.Server.Version}}", stdin=subprocess.DEVNULL)
        for _ in range(5)
    ]
    for process in many:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert out.startswith(b"0."), err
    log = (no_engine.home / "state" / "engine.log").read_text()
    assert "Traceback" not in log
