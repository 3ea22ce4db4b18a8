"""Patterns of shells and of .dockerignore: what they mean, by a slow and plain reading, and no explosions."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherry.build.dockerfile.patterns import replaced, trimmed
from wherry.build.ignore import compile_pattern

_TEXTS = st.text("ab", max_size=8)
_PATTERNS = st.text("ab*?", max_size=5)


def _plain(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


@given(_TEXTS, _PATTERNS, st.booleans(), st.booleans())
def test_trimmed(text: str, pattern: str, end: bool, longest: bool) -> None:
    cuts = [len(text) - n for n in range(len(text) + 1)] if end else list(range(len(text) + 1))
    fits = [cut for cut in cuts if _plain(pattern).fullmatch(text[cut:] if end else text[:cut])]
    expected = text
    if fits:
        cut = fits[-1 if longest else 0]
        expected = text[:cut] if end else text[cut:]
    assert trimmed(text, pattern, end=end, longest=longest) == expected


@given(_TEXTS, _PATTERNS.filter(lambda pattern: pattern.strip("*")), st.booleans())
def test_replaced(text: str, pattern: str, every: bool) -> None:
    expected = _plain(pattern).sub("X", text, count=0 if every else 1)
    assert replaced(text, pattern, "X", every=every) == expected


def _slow(pattern: str, path: str) -> bool:
    """Backtracking, as Go's matcher and the rule for `**` say."""
    if not pattern:
        return not path
    if pattern.startswith("**"):
        rest = pattern[2:].removeprefix("/")
        if not rest:
            return True
        return _slow(rest, path) or any(
            _slow(rest, path[at + 1 :]) for at, char in enumerate(path) if char == "/"
        )
    if pattern[0] == "*":
        ends = path.find("/") if "/" in path else len(path)
        return any(_slow(pattern[1:], path[at:]) for at in range(ends + 1))
    if pattern[0] == "?":
        return bool(path) and path[0] != "/" and _slow(pattern[1:], path[1:])
    return path[:1] == pattern[0] and _slow(pattern[1:], path[1:])


@given(st.text("ab*/", max_size=9), st.text("ab/", max_size=8))
def test_ignore_patterns(pattern: str, path: str) -> None:
    if pattern.count("**") > 2 or "***" in pattern:
        return
    assert bool(compile_pattern(pattern).fullmatch(path)) == _slow(pattern, path)


@given(st.lists(st.sampled_from(["**", "a", "b", "*"]), min_size=3, max_size=7), st.text("ab/", max_size=8))
def test_many_deep_stars(parts: list[str], path: str) -> None:
    """The reading name by name is that of the regular expressions."""
    clean = "/".join(part for part in path.split("/") if part)
    pattern = "/".join(parts)
    if parts.count("**") < 3 or not clean:
        return
    expected = (
        _slow(pattern, clean)
        if parts[-1] != "**"
        else _slow(pattern[:-2] + "*", clean)
        or any(_slow(pattern[:-2] + "*", clean[:at]) for at, char in enumerate(clean) if char == "/")
    )
    assert bool(compile_pattern(pattern).fullmatch(clean)) == expected


@pytest.mark.parametrize("pattern", ["*a" * 40 + "b", "**/a/" * 40 + "b", "a" + "*/" * 50 + "b"])
def test_no_explosion(pattern: str) -> None:
    for path in ("a" * 4000, "a/" * 1500 + "c"):
        assert not compile_pattern(pattern).fullmatch(path)
