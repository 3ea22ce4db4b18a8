"""`.dockerignore`: the rules of Docker's own matcher."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherry.build.ignore import Ignore, parse_ignore
from wherry.errors import Invalid


@pytest.mark.parametrize(
    ("patterns", "path", "ignored"),
    [
        ("*.md", "a.md", True),
        ("*.md", "d/a.md", False),
        ("**/*.md", "d/e/a.md", True),
        ("**/*.md", "a.md", True),
        ("d", "d/a", True),
        ("/d/", "d/a", True),
        ("d/*\n!d/keep", "d/keep", False),
        ("d\n!d/keep", "d/keep", False),
        ("d\n!d/keep", "d/other", True),
        ("!a\na", "a", True),
        ("*\n!a", "a", False),
        ("*\n!a", "a/b", False),
        ("*\n!a", "b", True),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
        ("[a-c]x", "bx", True),
        ("[^a-c]x", "bx", False),
        ("a/**", "a/b/c", True),
        ("a/**/c", "a/c", True),
        ("a/**/c", "a/b/b/c", True),
        ("a\\*b", "a*b", True),
        ("a\\*b", "axb", False),
        ("# not this\n \n  a  ", "a", True),
        ("./a/../b", "b", True),
        (".git", ".github", False),
        ("a.b", "axb", False),
    ],
)
def test_rules(patterns: str, path: str, ignored: bool) -> None:
    assert Ignore(parse_ignore(patterns)).ignores(path) is ignored


@pytest.mark.parametrize("pattern", ["[", "a[]", "a\\"])
def test_malformed(pattern: str) -> None:
    with pytest.raises(Invalid):
        Ignore(parse_ignore(pattern))


def test_a_directory_may_hold_what_is_brought_back() -> None:
    ignore = Ignore(parse_ignore("d\n!d/e/keep"))
    assert ignore.may_hold("d") and ignore.may_hold("d/e") and not ignore.may_hold("x")


@given(st.lists(st.text(alphabet="ab*?/![]^\\.# ", max_size=8), max_size=5), st.text("ab/.", max_size=8))
def test_any_patterns(lines: list[str], path: str) -> None:
    """Refused, or answered; and the last pattern that says the path itself decides."""
    try:
        ignore = Ignore(parse_ignore("\n".join(lines)))
    except Invalid:
        return
    ignore.ignores(path)
    assert Ignore([*ignore.patterns, "a"]).ignores("a") is True
    assert Ignore([*ignore.patterns, "!a"]).ignores("a") is False
