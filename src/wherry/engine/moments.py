"""Moments and spans in Docker's spelling. Moments are nanoseconds since 1970; 0 is "never"."""

from __future__ import annotations

import calendar
import time

from wherry.errors import Invalid

from .models import NEVER


def now() -> int:
    """This moment, in nanoseconds."""
    return time.time_ns()


def rfc3339(moment: int) -> str:
    """RFC 3339 in UTC with as many fractional digits as needed, as Go prints it."""
    if not moment:
        return NEVER
    seconds, fraction = divmod(moment, 1_000_000_000)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{text}.{fraction:09d}".rstrip("0").rstrip(".") + "Z"


def parse_moment(text: str) -> float:
    """Seconds since 1970 from what `until` filters take: a number, RFC 3339, a date, or a span ago (`10m`).

    Raises `Invalid`.
    """
    seconds, rest = divmod(parse_instant(text), 1_000_000_000)
    return seconds + rest / 1e9


def parse_instant(text: str) -> int:
    """The same in nanoseconds, exactly: a line of a log is named by its time. Raises `Invalid`."""
    whole, point, fraction = text.partition(".")
    if whole.lstrip("-").isdecimal() and (not point or fraction.isdecimal()):
        nanoseconds = _fraction(fraction)
        return int(whole) * 1_000_000_000 + (-nanoseconds if whole.startswith("-") else nanoseconds)
    try:
        return int(float(text) * 1e9)
    except (ValueError, OverflowError):
        pass
    if text and text[-1] in "smh" and text[0].isdigit():
        return now() - int(parse_span(text) * 1e9)
    body, offset = _split_zone(text.strip().replace(" ", "T"))
    whole, _, fraction = body.partition(".")
    for shape in ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H", "%Y-%m-%d"):
        try:
            seconds = calendar.timegm(time.strptime(whole, shape)) - offset
            if not fraction or fraction.isdecimal():
                return seconds * 1_000_000_000 + _fraction(fraction)
        except ValueError:
            continue
    raise Invalid(f"invalid time: {text!r}")


def _fraction(digits: str) -> int:
    """Nanoseconds of what stands after the point."""
    return int(f"{digits[:9]:0<9}")


def _split_zone(text: str) -> tuple[str, int]:
    if text.endswith(("Z", "z")):
        return text[:-1], 0
    sign = text[-6:-5]
    if sign in ("+", "-") and text[-3:-2] == ":" and "T" in text:
        seconds = int(text[-5:-3]) * 3600 + int(text[-2:]) * 60
        return text[:-6], seconds if sign == "+" else -seconds
    return text, 0


_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_span(text: str) -> float:
    """Seconds of a Go duration such as `1h30m` or `250ms`. Raises `Invalid`."""
    total, number, unit = 0.0, "", ""
    if not text:
        raise Invalid("invalid duration: ''")
    for character in text + "0":
        if character.isdigit() or character == ".":
            if unit:
                if unit not in _UNITS or not number:
                    raise Invalid(f"invalid duration: {text!r}")
                total += float(number) * _UNITS[unit]
                number, unit = "", ""
            number += character
        else:
            unit += character
    if unit or number != "0":
        raise Invalid(f"invalid duration: {text!r}")
    return total


def span_in_words(seconds: float) -> str:
    """How long, the way `docker ps` says it."""
    whole = int(seconds)
    if whole < 1:
        return "Less than a second"
    if whole == 1:
        return "1 second"
    if whole < 60:
        return f"{whole} seconds"
    minutes = whole // 60
    if minutes == 1:
        return "About a minute"
    if minutes < 60:
        return f"{minutes} minutes"
    hours = int(seconds / 3600 + 0.5)
    if hours == 1:
        return "About an hour"
    for limit, unit, size in (
        (48, "hours", 1),
        (24 * 14, "days", 24),
        (24 * 60, "weeks", 24 * 7),
        (24 * 730, "months", 24 * 30),
    ):
        if hours < limit:
            return f"{hours // size} {unit}"
    return f"{hours // (24 * 365)} years"
