"""Where in a Dockerfile something is, and the error that points at it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from wherry.errors import Invalid

__all__ = ["DockerfileError", "did_you_mean"]


class DockerfileError(Invalid):
    """A fault in a Dockerfile. `line` and `column` count from 1; the message begins with `file:line:column`
    and is followed by the line itself with a mark below the place."""

    def __init__(
        self, problem: str, *, name: str, line: int, column: int = 1, text: str = "", hint: str = ""
    ) -> None:
        shown = f"{name}:{line}:{column}: {problem}"
        if text:
            gutter = f"{line:>4} | "
            clean = text.expandtabs(1).rstrip("\n")
            shown += f"\n{gutter}{clean}\n{' ' * (len(gutter) + column - 1)}^"
        super().__init__(shown, hint=hint)
        self.problem = problem
        self.name = name
        self.line = line
        self.column = column


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint that names the nearest of `known`, or nothing."""
    near = difflib.get_close_matches(word, list(known), 1)
    return f"did you mean {near[0]}?" if near else ""
