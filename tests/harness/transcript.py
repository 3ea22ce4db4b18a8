"""Documents whose examples are run: what they hold, and whether a run says what they show.

In a Markdown document, the runner looks at fenced blocks only:

    ```console                a line that begins with `$ ` is typed, `> ` continues it; what follows is shown,
    $ wherry ps               both streams. `…` in a line stands for anything, a line `...` for any lines.
    CONTAINER ID   IMAGE…     Where nothing follows, anything may be shown. A command has to end with 0
    $ wherry run host false   unless a last line says how it ends. One with `&` is not waited for.
    [exit 1]
    ```

    ```yaml                   a block of another language whose first line is a comment with a file's name
    # compose.yaml            is that file.
    ```

Blocks of `sh` are for reading. `<!-- test: needs NAME... -->` leaves the section out where the machine lacks
that; `<!-- test: with IMAGE -->` has the image there.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
_NAMED = re.compile(r"^(?:#|//|<!--) (\S*[.\w])(?: -->)?\n")
_MARK = re.compile(r"<!-- test: (needs|with) (.+?) -->")


class Command(NamedTuple):
    """What is typed, what is shown (None: not said), how it ends, and in which line of the document it is."""

    text: str
    shown: list[str] | None
    code: int
    line: int


class File(NamedTuple):
    """A file that the reader is to have."""

    name: str
    text: str


class Section(NamedTuple):
    """A heading with all examples below it, in their order."""

    title: str
    needs: list[str]
    images: list[str]
    steps: list[Command | File]


def read(path: Path) -> list[Section]:
    """The sections of a document that have examples to run."""
    text = path.read_text()
    found = []
    heads = [match.start() for match in _HEADING.finditer(text)]
    for start, end in zip([0, *heads], [*heads, len(text)], strict=True):
        part = text[start:end]
        first = text.count("\n", 0, start) + 1
        steps: list[Command | File] = []
        for fence in _FENCE.finditer(part):
            language, body = fence.groups()
            line = first + part.count("\n", 0, fence.start()) + 1
            if language == "console":
                steps += _commands(body, line)
            elif language not in ("sh", "") and (named := _NAMED.match(body)):
                steps.append(File(named[1], body))
        if any(isinstance(step, Command) for step in steps):
            marks = _MARK.findall(part)
            needs = [name for kind, names in marks if kind == "needs" for name in names.split()]
            images = [name for kind, names in marks if kind == "with" for name in names.split()]
            title = part.splitlines()[0].lstrip("# ") if start else "top"
            found.append(Section(title, needs, images, steps))
    return found


def _commands(body: str, first: int) -> list[Command]:
    found: list[Command] = []
    for number, line in enumerate(body.splitlines(), first):
        if line.startswith("$ "):
            found.append(Command(line[2:], None, 0, number))
            continue
        before = found.pop()
        if line.startswith("> ") or line == ">":
            found.append(before._replace(text=f"{before.text}\n{line[2:]}"))
        elif code := re.fullmatch(r"\[exit (\d+)\]", line):
            found.append(before._replace(code=int(code[1])))
        else:
            found.append(before._replace(shown=[*(before.shown or []), line]))
    return found


def matches(shown: list[str], said: list[str]) -> bool:
    """Whether lines that were written are those that a document shows. Blank lines around do not count."""
    pattern = "\n".join(
        "\x00" if line == "..." else ".*".join(re.escape(part) for part in line.rstrip().split("…"))
        for line in _trimmed(shown)
    )
    pattern = (
        pattern.replace("\x00\n", "(?:.*\n)*?").replace("\n\x00", "(?:\n.*)*").replace("\x00", "(?:.*\n?)*")
    )
    return re.fullmatch(pattern, "\n".join(_trimmed(said))) is not None


def _trimmed(lines: list[str]) -> list[str]:
    return "\n".join(line.rstrip() for line in lines).strip("\n").split("\n")
