"""Sizes, durations and rates as people write them in the registry's configuration."""

from __future__ import annotations

import re

from wherry.errors import Invalid

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d|w)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def size(text: str) -> int:
    """Bytes; `10GB` are 10⁹ of them and `10GiB` 2³⁰ tens. Raises Invalid."""
    match = _SIZE.fullmatch(text.strip())
    if not match:
        raise Invalid(f"invalid size {text!r}", hint="write it like 500MB or 10GiB")
    power = " kmgt".index(match[2].lower() or " ")
    return int(float(match[1]) * (1024 if match[3] else 1000) ** power)


def seconds(text: str) -> float:
    """Seconds in `90s`, `15m`, `12h`, `30d`, `2w`. Raises Invalid."""
    match = _DURATION.fullmatch(text.strip())
    if not match:
        raise Invalid(f"invalid duration {text!r}", hint="write it like 90s, 12h or 30d")
    return float(match[1]) * _SECONDS[match[2]]


def shown(number: float) -> str:
    """Bytes for people, in powers of 1000."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} TB"
