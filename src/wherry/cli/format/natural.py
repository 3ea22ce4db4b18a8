"""The order of names in lists: `data2` before `data10`, as Docker's command line sorts them."""

from __future__ import annotations

import re

_PART = re.compile(r"[0-9]+|[^0-9]")


def natural(name: str) -> list[tuple[int, int, int]]:
    """A key for `sorted`. Digits that follow each other are one number; fewer leading zeros come first."""
    return [
        (ord("0"), int(part), len(part)) if "0" <= part[0] <= "9" else (ord(part), 0, 0)
        for part in _PART.findall(name)
    ]
