"""Durations as Go writes them, in nanoseconds."""

from __future__ import annotations

import re

from wherry.errors import Invalid

__all__ = ["parse_duration"]

_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_UNITS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}


def parse_duration(text: str, what: str) -> int:
    """`1m30s` in nanoseconds; 0 or at least a millisecond. Raises Invalid."""
    if text == "0":
        return 0
    if not text or _PART.sub("", text):
        raise Invalid(f"{what}: invalid duration {text!r}", hint="for instance 30s or 1m30s")
    total = int(sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text)))
    if total >= 1 << 63:
        raise Invalid(f"{what}: invalid duration {text!r}", hint="292 years are the most")
    if 0 < total < 1_000_000:
        raise Invalid(f"{what}: interval {text!r} cannot be less than 1ms")
    return total
