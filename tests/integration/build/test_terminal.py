"""A build on a terminal: what goes on is shown, and --debug-shell opens a shell where a step failed."""

from __future__ import annotations

import os
import pty
import select
import time
from pathlib import Path

import pytest

from tests.harness.command import Command
from tests.harness.engine import EngineUnderTest

pytestmark = [pytest.mark.needs("root", "busybox")]

FAILING = """
FROM busybox
ARG V=arg
ENV E=env
WORKDIR /work
RUN echo before > /left; echo oops; exit 3
"""


def _on_a_terminal(wherry: Command, *arguments: str, answers: list[tuple[bytes, bytes]]) -> tuple[str, int]:
    """Run to the end, typing each answer when what is before it has appeared; output, exit code."""
    pid, terminal = pty.fork()
    if pid == 0:
        argv = wherry._argv(arguments)
        os.chdir(wherry.directory)
        os.execvpe(argv[0], argv, {**wherry.environment, "TERM": "xterm", "COLUMNS": "100"})
    said = b""
    deadline = time.monotonic() + 60
    while True:
        assert time.monotonic() < deadline, said
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            data = os.read(terminal, 65536)
        except OSError:  # EIO: the other end is closed
            break
        if not data:
            break
        said += data
        if answers and answers[0][0] in said:
            os.write(terminal, answers.pop(0)[1])
    os.close(terminal)
    return said.decode(errors="replace"), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_shell_where_it_failed(engine: EngineUnderTest, wherry: Command, context: Path) -> None:
    (context / "Dockerfile").write_text(FAILING)
    images = engine.api("GET", "/images/json?all=1")[1]
    typed = b'cat /left; echo "$E,$V,$PWD"; exit\n'
    said, code = _on_a_terminal(
        wherry, "build", "--debug-shell", str(context), answers=[(b"/work # ", typed)]
    )
    assert code == 1
    assert "oops" in said and "returned a non-zero code: 3" in said
    assert "\r\nbefore\r\n" in said and "\r\nenv,arg,/work\r\n" in said
    assert engine.api("GET", "/images/json?all=1")[1] == images
    assert engine.container_ids() == []


def test_a_step_that_runs_nothing(wherry: Command, context: Path) -> None:
    (context / "Dockerfile").write_text("FROM busybox\nWORKDIR /before\nCOPY nothing /\n")
    answers = [(b"/before # ", b"exit\n")]
    said, code = _on_a_terminal(wherry, "build", "--debug-shell", str(context), answers=answers)
    assert code == 1 and "file not found" in said


def test_what_goes_on(wherry: Command, context: Path) -> None:
    """Titles and the last output while a step runs; without its output when it has gone well."""
    (context / "Dockerfile").write_text("FROM busybox\nRUN echo working; sleep 1\nLABEL a=b\n")
    said, code = _on_a_terminal(wherry, "build", "--no-cache", "-t", "shown:1", str(context), answers=[])
    assert code == 0
    assert "> [0 2/3] RUN echo working; sleep 1" in said and "  working" in said
    final = said.rpartition("\x1b[J")[2]
    assert "LABEL a=b" in final and "sha256:" in final and "working" not in final


def test_a_shell_needs_a_terminal(wherry: Command, context: Path) -> None:
    (context / "Dockerfile").write_text(FAILING)
    assert "needs a terminal" in wherry("build", "--debug-shell", str(context), code=1).err


def test_events_as_json(wherry: Command, context: Path) -> None:
    (context / "Dockerfile").write_text("FROM busybox\nRUN echo hello\n")
    lines = wherry("build", "--no-cache", "--progress=rawjson", str(context)).err.splitlines()
    assert any('"event": "output"' in line and "hello" in line for line in lines)
