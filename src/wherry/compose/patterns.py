"""Patterns of `develop.watch`: the syntax of `.dockerignore`."""

from __future__ import annotations

import re
from collections.abc import Sequence


class Patterns:
    """Paths relative to a folder, as `.dockerignore` writes them; the last pattern that fits decides."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._rules = []
        for text in patterns:
            text = text.strip()
            if not text or text.startswith("#"):
                continue
            taken = not text.startswith("!")
            self._rules.append((_expression(text.lstrip("!")), taken))

    def __bool__(self) -> bool:
        return bool(self._rules)

    def match(self, path: str) -> bool:
        """Whether a path, or a folder that it is in, is meant."""
        found = False
        for rule, taken in self._rules:
            if rule.match(path):
                found = taken
        return found


def _expression(pattern: str) -> re.Pattern[str]:
    pattern = pattern.strip("/").removeprefix("./")
    found, position = [], 0
    while position < len(pattern):
        letter = pattern[position]
        if pattern.startswith("**/", position):
            found.append("(?:.*/)?")
            position += 3
        elif pattern.startswith("**", position):
            found.append(".*")
            position += 2
        else:
            found.append({"*": "[^/]*", "?": "[^/]"}.get(letter, re.escape(letter)))
            position += 1
    return re.compile("".join(found) + r"(?:/.*)?\Z", re.DOTALL)
