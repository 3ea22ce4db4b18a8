"""`WWW-Authenticate` (RFC 9110, section 11.6.1): what a registry wants to see."""

from __future__ import annotations

import re
from typing import NamedTuple

_SCHEME = re.compile(r"\s*([A-Za-z][A-Za-z0-9._~+-]*)(?:\s+|$)")
_PARAMETER = re.compile(r'\s*([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))\s*(?:,|$)')


class Challenge(NamedTuple):
    """One scheme (lower case) with its parameters (names in lower case)."""

    scheme: str
    parameters: dict[str, str]


def parse_challenges(header: str) -> list[Challenge]:
    """All challenges of a header; what is malformed ends the list."""
    found: list[Challenge] = []
    position = 0
    while match := _SCHEME.match(header, position):
        parameters: dict[str, str] = {}
        position = match.end()
        while item := _PARAMETER.match(header, position):
            quoted, plain = item.group(2), item.group(3)
            value = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain
            parameters[item.group(1).lower()] = value
            position = item.end()
        found.append(Challenge(match.group(1).lower(), parameters))
        if position == match.start():
            break
    return found
