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
LINK = re.compile(r"\]\(([^)#: ]*)(?:#([^)]*))?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
COMMAND = re.compile(r"(?:^|[`$ (])wherry ((?:[a-z]+)(?: [a-z]+)?)", re.MULTILINE)
CODE = re.compile(r"```sh\n(.*?)```|`([^`\n]+)`", re.DOTALL)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target, anchor in LINK.findall(_prose(document)):
        path = document.parent / target if target else document
        assert path.exists(), f"{document.name} links to {target}"
        if anchor:
            assert anchor in _anchors(path), f"{document.name} links to {target}#{anchor}"


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    for page in ROOT.glob("docs/*.md"):
        assert page.name == "README.md" or f"]({page.name})" in index


def _prose(document: Path) -> str:
    """A document without its blocks of code."""
    return re.sub(r"^```.*?^```", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)


def _anchors(document: Path) -> set[str]:
    """The anchors that a page has for its headings: lower case, spaces as hyphens, no punctuation."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in HEADING.findall(_prose(document))
    }


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


def test_the_reference_is_what_the_docstrings_say() -> None:
    script = ROOT / "scripts" / "reference.py"
    made = subprocess.run([sys.executable, script, "-"], capture_output=True, text=True, check=True)
    assert made.stdout == (ROOT / "docs" / "api.md").read_text(), "run scripts/reference.py"


@pytest.mark.parametrize(
    "name",
    ["./get-wherry.sh", "./quickstart", "./check", "tests/qemu/run", "scripts/as-ordinary-user", ".ci/run"],
)
def test_commands_of_the_documents_can_be_run(name: str) -> None:
    path = ROOT / name
    assert path.stat().st_mode & 0o111
    shell = path.read_text().splitlines()[0].removeprefix("#!")
    subprocess.run([shell, "-n", path], check=True)
