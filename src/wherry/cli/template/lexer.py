"""A template's text cut into plain text and actions, and each action into tokens.

Source: Go's text/template documentation, "Text and spaces" and "Actions".
"""

from __future__ import annotations

import re

from wherry.errors import Invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    Token = tuple[str, str]  # kind, text
    Piece = tuple[str, str, int]  # "text" or "action", what is in it, line

_TOKEN = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<comment>/\*.*?\*/)
    | (?P<string>"(?:[^"\\\n]|\\.)*")
    | (?P<raw>`[^`]*`)
    | (?P<char>'(?:[^'\\\n]|\\.)+')
    | (?P<number>[+-]?(?:0[xX][0-9a-fA-F]+|\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+))
    | (?P<declare>:=)
    | (?P<assign>=)
    | (?P<field>\.[^\W\d]\w*)
    | (?P<variable>\$\w*)
    | (?P<dot>\.)
    | (?P<word>[^\W\d]\w*)
    | (?P<sign>[|(),])
    """,
    re.VERBOSE | re.DOTALL,
)


def failed(line: int, why: str) -> Invalid:
    """The error for a template that can't be understood, in the form that Docker gives it."""
    return Invalid(f"template parsing error: template: :{line}: {why}")


def pieces(text: str) -> list[Piece]:
    """The template's texts and actions in order; `{{-` and `-}}` have trimmed the text beside them."""
    found: list[Piece] = []
    position, trim = 0, False
    while True:
        start = text.find("{{", position)
        plain = text[position:] if start < 0 else text[position:start]
        if trim:
            plain = plain.lstrip()
        if start < 0:
            if plain:
                found.append(("text", plain, 0))
            return found
        line = text.count("\n", 0, start) + 1
        inside = start + 2
        if text[inside : inside + 1] == "-" and text[inside + 1 : inside + 2].isspace():
            plain = plain.rstrip()
            inside += 1
        if plain:
            found.append(("text", plain, line))
        end = _end(text, inside, line)
        action = text[inside:end]
        trim = len(action) > 1 and action[-1] == "-" and action[-2].isspace()
        found.append(("action", action[:-1] if trim else action, line))
        position = end + 2


def _end(text: str, position: int, line: int) -> int:
    """Where the action that begins at `position` ends; braces in strings do not end it."""
    while position < len(text):
        if text.startswith("}}", position):
            return position
        letter = text[position]
        if letter in "\"'`":
            match = _TOKEN.match(text, position)
            if match is None:
                raise failed(line, "unterminated quoted string")
            position = match.end()
        elif text.startswith("/*", position):
            close = text.find("*/", position)
            if close < 0:
                raise failed(line, "unclosed comment")
            position = close + 2
        else:
            position += 1
    raise failed(line, "unclosed action")


def tokens(action: str, line: int) -> list[Token]:
    """The tokens of one action; `space` stands for blanks, which part arguments."""
    found: list[Token] = []
    position = 0
    while position < len(action):
        match = _TOKEN.match(action, position)
        if match is None:
            raise failed(line, f"unexpected {action[position]!r} in command")
        kind = match.lastgroup or ""
        if kind != "comment":
            found.append((kind, match.group()))
        position = match.end()
    return found
