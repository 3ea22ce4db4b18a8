"""Shell patterns in variables: `${x#pattern}`, `${x%pattern}`, `${x/pattern/word}`.

Matched by following all ways at once, so that no pattern takes longer than its length times the text's.
"""

from __future__ import annotations

from wherry.errors import Invalid

__all__ = ["replaced", "trimmed"]

_ANY, _ONE = object(), object()
_STEPS = 20_000_000  # of one replacement, which tries every place of the text


def trimmed(text: str, pattern: str, *, end: bool, longest: bool) -> str:
    """Without the shortest (or longest) beginning, or `end`, that fits the pattern."""
    tokens = _tokens(pattern)
    if end:
        lengths = _prefixes(text[::-1], tokens[::-1])
    else:
        lengths = _prefixes(text, tokens)
    if not lengths:
        return text
    length = max(lengths) if longest else min(lengths)
    return text[: len(text) - length] if end else text[length:]


def replaced(text: str, pattern: str, word: str, *, every: bool) -> str:
    """With the first (or every) longest part that fits the pattern replaced. Raises Invalid for what would
    take too long."""
    tokens = _tokens(pattern)
    if len(text) * len(text) * (len(tokens) + 1) > _STEPS * 10 and _ANY in tokens:
        raise Invalid("the text is too long for a replacement with wildcards")
    parts = []
    at = 0
    while at < len(text):
        lengths = _prefixes(text[at:] if _ANY in tokens else text[at : at + len(tokens)], tokens)
        length = max(lengths, default=0)
        if not length:
            parts.append(text[at])
            at += 1
            continue
        parts.append(word)
        at += length
        if not every:
            break
    return "".join(parts) + text[at:]


def _prefixes(text: str, tokens: list[object]) -> list[int]:
    """The lengths of all beginnings that fit."""
    states = _closed({0}, tokens)
    found = [0] if len(tokens) in states else []
    for length, char in enumerate(text, 1):
        following = set()
        for state in states:
            if state == len(tokens):
                continue
            token = tokens[state]
            if token is _ANY:
                following.add(state)
            elif token is _ONE or token == char:
                following.add(state + 1)
        states = _closed(following, tokens)
        if not states:
            break
        if len(tokens) in states:
            found.append(length)
    return found


def _closed(states: set[int], tokens: list[object]) -> set[int]:
    """With the states behind a `*`, which may stand for nothing."""
    found = set(states)
    for state in states:
        while state < len(tokens) and tokens[state] is _ANY:
            state += 1
            found.add(state)
    return found


def _tokens(pattern: str) -> list[object]:
    tokens: list[object] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "\\" and at + 1 < len(pattern):
            at += 1
            tokens.append(pattern[at])
        elif char == "*":
            if not tokens or tokens[-1] is not _ANY:
                tokens.append(_ANY)
        elif char == "?":
            tokens.append(_ONE)
        else:
            tokens.append(char)
        at += 1
    return tokens
