"""Sizes and durations as compose files write them."""

from __future__ import annotations

import re

from wherry.errors import Invalid

_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_SIZE = re.compile(r"(-?\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?")
_PART = re.compile(r"(\d+(?:\.\d+)?)(us|µs|ms|ns|s|m|h|d)")
_NANOSECONDS = {
    "ns": 1,
    "us": 1000,
    "µs": 1000,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86400 * 10**9,
}


def size(value: object) -> int:
    """Bytes of `512`, `64m`, `1.5gb`. Raises Invalid."""
    match = _SIZE.fullmatch(str(value).strip().lower())
    if match is None:
        raise Invalid(f"invalid size: {value!r}")
    return int(float(match[1]) * _UNITS[match[2]])


def nanoseconds(value: object) -> int:
    """Of `1m30s`, `500ms`; a plain number is of seconds. Raises Invalid."""
    text = str(value).strip()
    if text.isdigit():
        return int(text) * 10**9
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise Invalid(f"invalid duration: {value!r}", hint="e.g. 1m30s")
    return int(sum(float(number) * _NANOSECONDS[unit] for number, unit in parts))
