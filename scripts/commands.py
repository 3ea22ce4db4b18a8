"""Write docs/commands.md from the help pages: `python scripts/commands.py` (`-`: print it)."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from pathlib import Path

from wherry.cli.entry import load
from wherry.cli.help import SECTIONS, command_page
from wherry.cli.tree import COMMANDS, GROUPS, group_commands

TARGET = Path(__file__).resolve().parents[1] / "docs" / "commands.md"
HEADER = "# Commands\n\nThe help pages, put together by `scripts/commands.py`.\n"


def page() -> str:
    """The whole document."""
    os.environ["COLUMNS"] = "110"
    os.environ["NO_COLOR"] = "1"
    parts = [HEADER]
    for title, names in SECTIONS:
        parts.append(f"\n## {title}\n")
        for name in names:
            if name in COMMANDS:
                parts.append(_command(name, name))
            elif title != "By kind":
                for member, found in group_commands(name).items():
                    if found.startswith(f"{name} "):
                        parts.append(_command(f"{name} {member}", found))
            else:
                members = ", ".join(sorted(group_commands(name)))
                parts.append(f"\n### wherry {name}\n\n{GROUPS[name]}: {members}.\n")
    return "".join(parts)


def _command(name: str, found: str) -> str:
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        command_page(load(COMMANDS[found][0]), found, name)
    return f"\n### wherry {name}\n\n```\n{text.getvalue().rstrip()}\n```\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["-"]:
        sys.stdout.write(page())
    else:
        TARGET.write_text(page())
