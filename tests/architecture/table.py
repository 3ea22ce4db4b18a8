"""The import table of ARCHITECTURE.md as a value."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| `wherry\.(\w+)` \| .* \| ([^|]*) \|$")


class Floor(NamedTuple):
    """One row: a package (or module) of wherry, and what it may import besides the standard library."""

    name: str
    packages: frozenset[str]
    third_party: frozenset[str]
    standard_only: bool
    """The row says `stdlib`: nothing that it imports, however far away, may be third-party."""


def read_table(text: str | None = None) -> dict[str, Floor]:
    """The rows in their order, ground floor first. Raises ValueError for a package that no row above has."""
    floors: dict[str, Floor] = {}
    for line in (text or (ROOT / "ARCHITECTURE.md").read_text()).splitlines():
        row = ROW.match(line)
        if row is None:
            continue
        packages: set[str] = set()
        third_party: set[str] = set()
        words = [word.strip() for word in row[2].split(",")]
        for word in words:
            if word == "all above":
                packages |= set(floors)
                third_party |= {name for floor in floors.values() for name in floor.third_party}
            elif word.startswith("`"):
                if word.strip("`") not in floors:
                    raise ValueError(f"wherry.{row[1]} may import {word}, which no row above it describes")
                packages.add(word.strip("`"))
            elif word != "stdlib":
                third_party.add(word)
        floors[row[1]] = Floor(row[1], frozenset(packages), frozenset(third_party), "stdlib" in words)
    return floors
