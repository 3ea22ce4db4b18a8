"""Sizes and times as people read them, in the words and roundings of Docker's command line."""

from __future__ import annotations

_DECIMAL = ("B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB")
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB")
_MINUTE, _HOUR = 60, 3600
_DAY = 24 * _HOUR


def size(count: float, digits: int = 3) -> str:
    """Bytes in powers of 1000 with so many significant digits: `1.98MB`."""
    return _scaled(count, 1000.0, _DECIMAL, digits)


def binary_size(count: float) -> str:
    """Bytes in powers of 1024 with four significant digits: `23.54GiB`."""
    return _scaled(count, 1024.0, _BINARY, 4)


def _scaled(count: float, base: float, units: tuple[str, ...], digits: int) -> str:
    step = 0
    count = float(count)
    while count >= base and step < len(units) - 1:
        count /= base
        step += 1
    return f"{significant(count, digits)}{units[step]}"


def significant(value: float, digits: int) -> str:
    """As Go's %.Ng: so many significant digits, no trailing zeros, an exponent where they are too few."""
    text = f"{value:.{digits}g}"
    if "e" in text:
        mantissa, _, exponent = text.partition("e")
        return f"{mantissa}e{int(exponent):+03d}"
    return text


def duration(seconds: float) -> str:
    """About how long: `Less than a second`, `2 hours`, `3 weeks`."""
    whole = int(seconds)
    if whole < 1:
        return "Less than a second"
    if whole == 1:
        return "1 second"
    if whole < _MINUTE:
        return f"{whole} seconds"
    minutes = whole // _MINUTE
    if minutes == 1:
        return "About a minute"
    if minutes < 60:
        return f"{minutes} minutes"
    hours = int(seconds / _HOUR + 0.5)
    if hours == 1:
        return "About an hour"
    if hours < 48:
        return f"{hours} hours"
    if hours < 24 * 7 * 2:
        return f"{hours // 24} days"
    if hours < 24 * 30 * 2:
        return f"{hours // 24 // 7} weeks"
    if hours < 24 * 365 * 2:
        return f"{hours // 24 // 30} months"
    return f"{int(seconds / _HOUR) // 24 // 365} years"


def ellipsis(text: str, width: int) -> str:
    """The text cut to `width` columns, with `…` at its end where something is missing."""
    if _columns(text) <= width:
        return text
    room = width - 1
    kept = ""
    for letter in text:
        room -= _columns(letter)
        if room < 0:
            break
        kept += letter
    return kept + "…"


def _columns(text: str) -> int:
    if text.isascii():
        return len(text)
    from unicodedata import east_asian_width

    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def short_id(text: str) -> str:
    """The first twelve digits of an id, without `sha256:`."""
    return text.partition(":")[2][:12] if ":" in text else text[:12]
