"""The examples of the documents, typed on an engine of their own: they do what they show."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from tests.harness.capabilities import have, python
from tests.harness.command import ENTRY
from tests.harness.engine import EngineUnderTest
from tests.harness.transcript import Command, File, matches, read
from tests.images.make import make

DOCS = Path(__file__).resolve().parents[2] / "docs"
DOCUMENTS = [path for path in sorted(DOCS.glob("*.md")) if path.name != "commands.md" and read(path)]


class Shell:
    """One bash in which commands are typed, as in the reader's terminal; its directory is the reader's."""

    def __init__(self, engine: EngineUnderTest, folder: Path) -> None:
        programs = folder / "programs"
        programs.mkdir()
        command = programs / "wherry"
        command.write_text(f"#!/bin/sh\nexec '{python()}' -c '{ENTRY}' \"$@\"\n")
        command.chmod(0o755)
        self.folder = folder / "work"
        self.folder.mkdir()
        self.process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.folder,
            env=engine.environment | {"PATH": f"{programs}:{os.environ['PATH']}", "COLUMNS": "110"},
        )

    def type(self, text: str) -> tuple[int, list[str]]:
        """Run one command; its exit code and the lines of both streams. Blocks until it has ended."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        if text.endswith("&"):
            text = f"{text[:-1]} >/dev/null 2>&1 &"
        self.process.stdin.write(f"{{ {text}\n}} </dev/null\nprintf '\\n::end %d\\n' $?\n")
        self.process.stdin.flush()
        lines: list[str] = []
        for line in self.process.stdout:
            if end := re.match(r"::end (\d+)$", line):
                return int(end[1]), lines
            lines.append(line.rstrip("\n"))
        raise AssertionError(f"the shell ended: {lines}")

    def end(self) -> None:
        """End what was left running with `&`, and the shell."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("kill $(jobs -p) 2>/dev/null\nwait\n")
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_examples(document: Path, own_engine: EngineUnderTest, tmp_path: Path, images_folder: Path) -> None:
    shell = Shell(own_engine, tmp_path)
    try:
        for section in read(document):
            if not all(have(name) for name in section.needs):
                continue
            for name in section.images:
                archive = str(make(images_folder, f"{name}.tar"))
                own_engine.wherry("import", archive, f"{name}:latest", timeout=200)
            for step in section.steps:
                _take(step, shell, f"{document.name}, {section.title!r}")
        layers = own_engine.home / "state" / "layers"
        deadline = time.monotonic() + 120
        while list(layers.glob(".trash-*")) and time.monotonic() < deadline:
            time.sleep(0.05)  # what `prune` gave away goes on its own time
    finally:
        shell.end()


def _take(step: Command | File, shell: Shell, where: str) -> None:
    if isinstance(step, File):
        path = shell.folder / step.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(step.text)
        return
    code, said = shell.type(step.text)
    output = "\n".join(said)
    place = f"{where}, line {step.line}: $ {step.text}\n{output}"
    assert code == step.code, f"exit code {code} instead of {step.code}\n{place}"
    if step.shown is not None:
        shown = "\n".join(step.shown)
        assert matches(step.shown, said), f"the document shows\n{shown}\n--- but it is\n{place}"
