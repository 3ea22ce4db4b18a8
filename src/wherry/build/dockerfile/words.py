"""Cutting text into words the way the Dockerfile language does."""

from __future__ import annotations

import json

from wherry.errors import Invalid

__all__ = ["json_list", "shell_words", "split_flags", "unquote"]


def shell_words(text: str, escape: str = "\\") -> list[str]:
    """The words between white space, quotes and escapes respected and kept."""
    words: list[str] = []
    word = ""
    quote = ""
    inside = False
    at = 0
    while at < len(text):
        char = text[at]
        if char == escape and quote != "'" and at + 1 < len(text):
            word += text[at : at + 2]
            inside = True
            at += 2
            continue
        if quote:
            word += char
            if char == quote:
                quote = ""
        elif char in "'\"":
            quote = char
            word += char
            inside = True
        elif char.isspace():
            if inside:
                words.append(word)
            word, inside = "", False
        else:
            word += char
            inside = True
        at += 1
    if inside:
        words.append(word)
    return words


def unquote(text: str, escape: str = "\\") -> str:
    """Without its quotes and escapes; nothing is expanded."""
    result = ""
    quote = ""
    at = 0
    while at < len(text):
        char = text[at]
        following = text[at + 1 : at + 2]
        if char == escape and quote != "'" and following and (not quote or following in f'"${escape}'):
            result += following
            at += 2
            continue
        if quote:
            if char == quote:
                quote = ""
            else:
                result += char
        elif char in "'\"":
            quote = char
        else:
            result += char
        at += 1
    return result


def split_flags(text: str, escape: str = "\\") -> tuple[list[str], str]:
    """The `--flags` at the beginning, quotes taken away, and what follows them."""
    flags: list[str] = []
    rest = text.lstrip()
    while rest.startswith("--"):
        word, length = _flag(rest, escape)
        rest = rest[length:].lstrip()
        if word == "--":
            break
        flags.append(word)
    return flags, rest


def _flag(text: str, escape: str) -> tuple[str, int]:
    word, quote, at = "", "", 0
    while at < len(text):
        char = text[at]
        if char == escape and quote != "'" and at + 1 < len(text):
            word += text[at + 1]
            at += 2
            continue
        if quote:
            if char == quote:
                quote = ""
            else:
                word += char
        elif char in "'\"":
            quote = char
        elif char.isspace():
            break
        else:
            word += char
        at += 1
    return word, at


def json_list(text: str) -> list[str] | None:
    """The exec form, `["a", "b"]`; None when it is none. Raises Invalid for an array of other things."""
    text = text.strip()
    if not text.startswith("["):
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    if not all(isinstance(item, str) for item in found):
        raise Invalid("when using JSON array syntax, arrays must be comprised of strings only")
    words: list[str] = found
    return words
