"""The filters of `builder prune`, as Docker has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from wherry.build.cache import CacheRow
from wherry.errors import Invalid

from ..moments import parse_moment

__all__ = ["fitting"]

Test = Callable[[CacheRow], bool]

_TEXTS: dict[str, Callable[[CacheRow, str], bool]] = {
    "id": lambda row, text: bool(text) and row.key.startswith(text),
    "parent": lambda row, text: bool(text) and row.parent.startswith(text),
    "type": lambda row, text: row.kind == text,
    "description": lambda row, text: text in row.step,
}
_TRAITS: dict[str, Test] = {
    "shared": lambda row: row.shared,
    "private": lambda row: not row.shared,
    "inuse": lambda row: row.in_use,
}


def fitting(filters: Mapping[str, Sequence[str]]) -> Test | None:
    """Whether an entry is meant; None when there are no filters. Of several values of one filter any will do.
    Raises Invalid."""
    tests = [_test(name, list(values)) for name, values in filters.items()]
    return (lambda row: all(test(row) for test in tests)) if tests else None


def _test(name: str, values: list[str]) -> Test:
    if name in ("until", "unused-for"):
        before = min(parse_moment(text) for text in values) * 1e9
        return lambda row: row.used < before
    if name in _TRAITS:
        wanted = any(text in ("", "1", "true") for text in values)
        return lambda row: _TRAITS[name](row) is wanted
    if name in _TEXTS:
        return lambda row: any(_TEXTS[name](row, text) for text in values)
    raise Invalid(f"invalid filter '{name}'")
