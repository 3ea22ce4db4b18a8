"""A build on a terminal: what goes on is shown, and --debug-shell opens a shell where a step failed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.command import Command
from tests.harness.engine import EngineUnderTest
from tests.integration.cli.terminal import Terminal

pytestmark = [pytest.mark.needs("root", "busybox")]

FAILING = """
FROM busybox
ARG V=arg
ENV E=env
WORKDIR /work
RUN echo before > /left; echo oops; exit 3
"""


def test_a_shell_where_it_failed(engine: EngineUnderTest, wherry: Command, context: Path) -> None:
    (context / "Dockerfile").write_text(FAILING)
    images = engine.api("GET", "/images/json?all=1")[1]
    with Terminal(wherry, "build", "--debug-shell", str(context)) as terminal:
        shown = terminal.expect("/work # ")
        assert "oops" in shown and "returned a non-zero code: 3" in shown
        terminal.type('cat /left; echo "$E,$V,$PWD"; exit\n')
        terminal.expect("\r\nbefore\r\nenv,arg,/work\r\n")
        assert terminal.wait() == 1
    assert engine.api("GET", "/images/json?all=1")[1] == images
    assert engine.container_ids() == []


def test_a_step_that_runs_nothing(wherry: Command, context: Path) -> None:
    (context / "Dockerfile").write_text("FROM busybox\nWORKDIR /before\nCOPY nothing /\n")
    with Terminal(wherry, "build", "--debug-shell", str(context)) as terminal:
        assert "file not found" in terminal.expect("/before # ")
        terminal.type("exit\n")
        assert terminal.wait() == 1


def test_what_goes_on(wherry: Command, context: Path) -> None:
    """Titles and the last output while a step runs; without its output when it has gone well."""
    (context / "Dockerfile").write_text("FROM busybox\nRUN echo working; sleep 1\nLABEL a=b\n")
    with Terminal(wherry, "build", "--no-cache", "-t", "shown:1", str(context), columns=100) as terminal:
        shown = terminal.expect("\nsha256:")
        assert terminal.wait() == 0
    assert "> [0 2/3] RUN echo working; sleep 1" in shown and "  working" in shown
    final = shown.rpartition("\x1b[J")[2]
    assert "LABEL a=b" in final and "working" not in final


def test_a_shell_needs_a_terminal(wherry: Command, context: Path) -> None:
    (context / "Dockerfile").write_text(FAILING)
    assert "needs a terminal" in wherry("build", "--debug-shell", str(context), code=1).err


def test_events_as_json(wherry: Command, context: Path) -> None:
    (context / "Dockerfile").write_text("FROM busybox\nRUN echo hello\n")
    lines = wherry("build", "--no-cache", "--progress=rawjson", str(context)).err.splitlines()
    assert any('"event": "output"' in line and "hello" in line for line in lines)
