"""Columns of text, aligned as Go's tabwriter does it with Docker's settings.

A cell ends with a tab; a column is a run of lines that have a cell there; it is as wide as its widest cell
and three blanks, at least ten. What follows a line's last tab is in no column.
"""

from __future__ import annotations

_PADDING = 3


def aligned(text: str, minimum: int = 10, padding: int = _PADDING) -> str:
    """The lines of `text` with their tabs replaced by blanks."""
    lines = [line.split("\t") for line in text.split("\n")]
    deepest = max(len(cells) for cells in lines)
    for column in range(deepest - 1):
        start = 0
        while start < len(lines):
            end = start
            while end < len(lines) and len(lines[end]) - 1 > column:
                end += 1
            if end > start:
                run = lines[start:end]
                width = max(minimum, max(len(cells[column]) for cells in run) + padding)
                for cells in run:
                    cells[column] = cells[column].ljust(width)
            start = max(end, start + 1)
    return "\n".join("".join(cells) for cells in lines)
