"""Times as image configurations write them: RFC 3339, with nanoseconds, in UTC."""

from __future__ import annotations

import time
from datetime import UTC, datetime

__all__ = ["now", "to_seconds"]


def now() -> str:
    """This moment."""
    nanoseconds = time.time_ns()
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(nanoseconds // 1_000_000_000))
    return f"{text}.{nanoseconds % 1_000_000_000:09d}Z"


def to_seconds(text: str) -> int:
    """Seconds since the epoch; 0 for an empty or malformed time, of which there are many in the wild."""
    whole, dot, fraction = text.partition(".")
    if dot:
        zone = fraction.lstrip("0123456789")
        whole += zone
    try:
        moment = datetime.fromisoformat(whole.replace("Z", "+00:00"))
    except ValueError:
        return 0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp())
