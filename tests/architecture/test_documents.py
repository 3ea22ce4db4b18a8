"""The documents against the tree: links lead somewhere, commands exist, units parse."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.table import ROOT
from wherry.cli.tree import ALIASES, COMMANDS, GROUPS

DOCUMENTS = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("benchmarks/*.md"),
    ]
)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
COMMAND = re.compile(r"(?:^|[`$ (])wherry ((?:[a-z]+)(?: [a-z]+)?)", re.MULTILINE)
CODE = re.compile(r"```sh\n(.*?)```|`([^`\n]+)`", re.DOTALL)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    missing = [
        target for target in LINK.findall(document.read_text()) if not (document.parent / target).exists()
    ]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_exist(document: Path) -> None:
    code = ["".join(parts) for parts in CODE.findall(document.read_text())]
    for words in COMMAND.findall("\n".join(code)):
        first, _, _ = words.partition(" ")
        known = (
            words in COMMANDS or words in ALIASES or first in COMMANDS or (first in GROUPS and first == words)
        )
        assert known, f"{document.name} mentions `wherry {words}`"


def test_the_commands_page_is_what_the_help_pages_say() -> None:
    script = ROOT / "scripts" / "commands.py"
    made = subprocess.run([sys.executable, script, "-"], capture_output=True, text=True, check=True)
    assert made.stdout == (ROOT / "docs" / "commands.md").read_text(), "run scripts/commands.py"


@pytest.mark.parametrize(
    "name", ["./get-wherry.sh", "./quickstart", "./check", "tests/qemu/run", "scripts/as-ordinary-user", ".ci/run"]
)
def test_commands_of_the_documents_can_be_run(name: str) -> None:
    path = ROOT / name
    assert path.stat().st_mode & 0o111
    shell = path.read_text().splitlines()[0].removeprefix("#!")
    subprocess.run([shell, "-n", path], check=True)
