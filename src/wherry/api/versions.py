"""Which versions of the Docker Engine API are spoken, and how a request chooses one.

A path may start with `/v1.43/`; without it the newest is meant. Docker's words, since clients match on them.
"""

from __future__ import annotations

from typing import NamedTuple

from wherry.errors import Invalid

NEWEST = "1.51"
OLDEST = "1.24"


class ApiVersion(NamedTuple):
    """Compares as numbers: 1.9 is older than 1.24."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


_NEWEST = ApiVersion(1, 51)
_OLDEST = ApiVersion(1, 24)


def split(path: str) -> tuple[ApiVersion, str]:
    """The version that a path asks for and the path without it. Raises Invalid when it isn't spoken here."""
    if not path.startswith("/v") or not path[2:3].isdigit():
        return _NEWEST, path
    asked, slash, rest = path[2:].partition("/")
    numbers = asked.split(".")
    if not slash or len(numbers) > 3 or not all(n.isascii() and n.isdigit() and len(n) < 9 for n in numbers):
        return _NEWEST, path
    version = ApiVersion(int(numbers[0]), int(numbers[1]) if len(numbers) > 1 else 0)
    if version > _NEWEST:
        raise Invalid(f"client version {asked} is too new. Maximum supported API version is {NEWEST}")
    if version < _OLDEST:
        raise Invalid(
            f"client version {asked} is too old. Minimum supported API version is {OLDEST}, "
            "please upgrade your client to a newer version"
        )
    return version, "/" + rest
