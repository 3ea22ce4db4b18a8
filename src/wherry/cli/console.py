"""Standard output and error: colours only on a terminal, questions, the width of the screen."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36"}


def colourful(stream: TextIO) -> bool:
    """Whether escape codes make sense there: a terminal, NO_COLOR unset, TERM not dumb."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, colour: str, stream: TextIO | None = None) -> str:
    """The text in a colour (`bold`, `dim`, `red`, …) where the stream shows colours."""
    if colourful(stream or sys.stdout):
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m"
    return text


def visible(text: str) -> str:
    """The text without control characters: names and comments come from images, and a terminal obeys them."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in text)


def width(fallback: int = 100) -> int:
    """Columns of the screen, or those that COLUMNS says; `fallback` where there is neither."""
    told = os.environ.get("COLUMNS", "")
    if told.isascii() and told.isdigit() and int(told):
        return int(told)
    try:
        return os.get_terminal_size(1).columns or fallback
    except OSError:
        return fallback


def confirm(question: str) -> bool:
    """Ask on standard output; only `y` and `yes` agree.

    No answer, e.g. at the end of the input, disagrees.
    """
    print(f"{question} [y/N] ", end="", flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
