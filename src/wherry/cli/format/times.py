"""Points in time from an engine's answers: seconds since the epoch, RFC 3339; and what --since may say."""

from __future__ import annotations

import time

from wherry.cli.options.quantities import parse_duration
from wherry.errors import Invalid


def parse_rfc3339(text: str) -> float:
    """Seconds since the epoch. Raises ValueError. Nanoseconds are rounded to what a float holds."""
    head, dot, rest = text.partition(".")
    fraction = 0.0
    if dot:
        digits = len(rest) - len(rest.lstrip("0123456789"))
        fraction = float(f"0.{rest[:digits] or 0}")
        head += rest[digits:]
    from datetime import datetime  # 2 ms, which lists need not pay

    moment = datetime.fromisoformat(head.replace("Z", "+00:00"))
    return moment.timestamp() + fraction


def local(seconds: float) -> str:
    """As Go prints a local time without a fraction: `2026-11-24 11:16:00 +0000 UTC`."""
    parts = time.localtime(seconds)
    return time.strftime("%Y-%m-%d %H:%M:%S %z ", parts) + (parts.tm_zone or "UTC")


def iso(seconds: float) -> str:
    """As RFC 3339 in local time, to the second."""
    parts = time.localtime(seconds)
    zone = time.strftime("%z", parts)
    return time.strftime("%Y-%m-%dT%H:%M:%S", parts) + ("Z" if zone == "+0000" else f"{zone[:3]}:{zone[3:]}")


def query_time(text: str) -> str:
    """What --since and --until mean, as the API takes it: seconds since the epoch with a fraction.

    A duration such as `10m` is that long ago. Dates may lack the time, the seconds, the zone (local then).
    Raises Invalid.
    """
    if not text:
        return ""
    try:
        return f"{time.time() - parse_duration(text) / 1e9:.9f}"
    except ValueError:
        pass
    whole, dot, fraction = text.partition(".")
    if whole.isdigit() and (not dot or fraction.isdigit()):
        return text
    try:
        return f"{_date(text):.9f}"
    except ValueError:
        raise Invalid(
            f"failed to parse value as time or duration: {text!r}",
            hint="write 10m for ten minutes ago, a date such as 2026-01-31T13:45:00Z, or seconds since 1970",
        ) from None


def _date(text: str) -> float:
    if "." in text:
        return parse_rfc3339(text)
    from datetime import datetime

    head = text
    if len(head) == 13 and head[10] == "T":
        head += ":00"  # an hour alone
    return datetime.fromisoformat(head.replace("Z", "+00:00")).timestamp()
