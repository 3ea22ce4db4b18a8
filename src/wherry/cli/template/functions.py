"""The functions that a template may call: Go's own, and those that Docker adds."""

from __future__ import annotations

from wherry.cli.template.printing import formatted, printed, to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def truth(value: Any) -> bool:
    """Go's truth: false for zero, nil, empty text, empty collections."""
    return bool(value)


def _equal(one: Any, *others: Any) -> bool:
    if not others:
        raise TypeError("missing argument for comparison")
    return any(one == other and isinstance(one, bool) == isinstance(other, bool) for other in others)


def _less(one: Any, other: Any) -> bool:
    if isinstance(one, str) != isinstance(other, str):
        raise TypeError("incompatible types for comparison")
    return bool(one < other)


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        if value is None:
            raise TypeError("index of untyped nil")
        if isinstance(value, dict):
            value = value.get(key, "")
        elif isinstance(key, int) and 0 <= key < len(value):
            value = ord(value[key]) if isinstance(value, str) else value[key]
        else:
            raise IndexError(f"index out of range: {printed(key)}")
    return value


def _slice(value: Any, *bounds: int) -> Any:
    if any(not 0 <= bound <= len(value) for bound in bounds):
        raise IndexError("index out of range")
    return value[slice(*bounds[:2])] if len(bounds) > 1 else value[bounds[0] if bounds else 0 :]


def _length(value: Any) -> int:
    if value is None:
        raise TypeError("len of nil pointer")
    return len(value.encode()) if isinstance(value, str) else len(value)


def _pad(text: str, before: int, after: int) -> str:
    return " " * before + text + " " * after if text else text


def _title(text: str) -> str:
    return "".join(
        letter.upper() if i == 0 or not (text[i - 1].isalnum() or text[i - 1] in "_'") else letter
        for i, letter in enumerate(text)
    )


def _joined(*values: Any) -> str:
    """As Print does: a blank between neighbours of which neither is text."""
    out = ""
    for index, value in enumerate(values):
        if index and not isinstance(value, str) and not isinstance(values[index - 1], str):
            out += " "
        out += printed(value)
    return out


def _call(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)


def _html(*values: Any) -> str:
    import html

    return html.escape(_joined(*values)).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")


def _urlquery(*values: Any) -> str:
    from urllib.parse import quote_plus

    return quote_plus(_joined(*values))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "and": lambda *values: values[-1],
    "or": lambda *values: values[-1],
    "not": lambda value: not truth(value),
    "eq": _equal,
    "ne": lambda one, other: not _equal(one, other),
    "lt": _less,
    "le": lambda one, other: not _less(other, one),
    "gt": lambda one, other: _less(other, one),
    "ge": lambda one, other: not _less(one, other),
    "len": _length,
    "index": _index,
    "slice": _slice,
    "print": _joined,
    "printf": formatted,
    "println": lambda *values: " ".join(map(printed, values)) + "\n",
    "call": _call,
    "html": _html,
    "js": lambda *values: to_json(_joined(*values))[1:-1],
    "urlquery": _urlquery,
    "json": to_json,
    "split": lambda text, separator: text.split(separator) if separator else list(text),
    "join": lambda values, separator: separator.join(values),
    "title": _title,
    "lower": lambda text: text.lower(),
    "upper": lambda text: text.upper(),
    "pad": _pad,
    "truncate": lambda text, length: text[:length],
}

# What these do to a column's heading: leave it as it is.
HEADING_FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: (lambda text, *rest: text)
    for name in ("json", "split", "join", "title", "lower", "upper", "pad", "truncate")
}
