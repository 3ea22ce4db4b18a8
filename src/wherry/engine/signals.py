"""Signals by the names and numbers that users write."""

from __future__ import annotations

import signal

from wherry.errors import Invalid

_BY_NAME = {item.name.removeprefix("SIG"): int(item) for item in signal.Signals}
_BY_NAME.update({"CLD": int(signal.SIGCHLD), "POLL": int(signal.SIGIO), "IOT": int(signal.SIGABRT)})
_RTMIN, _RTMAX = int(signal.SIGRTMIN), int(signal.SIGRTMAX)


def parse_signal(text: str) -> int:
    """The number of `SIGTERM`, `term`, `15`, `RTMIN+3`. Raises `Invalid` ("Invalid signal: x")."""
    if text.isdigit():
        number = int(text)
        if 0 < number <= _RTMAX:
            return number
        raise Invalid(f"Invalid signal: {text}")
    name = text.upper().removeprefix("SIG")
    if name in _BY_NAME:
        return _BY_NAME[name]
    for base, start, sign in (("RTMIN", _RTMIN, 1), ("RTMAX", _RTMAX, -1)):
        rest = name.removeprefix(base)
        if name.startswith(base) and rest[:1] in ("+", "-") and rest[1:].isdigit():
            number = start + sign * int(rest[1:])
            if _RTMIN <= number <= _RTMAX:
                return number
    raise Invalid(f"Invalid signal: {text}")
