"""The members of a compose file as Docker Compose keeps them: in which order, in which form, and when not.

Docker Compose writes a service down as JSON and takes a digest of it to know whether it has changed. For both
tools to come to the same digest, the same text has to be written: these are the shapes it is made of.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any, NamedTuple

from wherry.compose.quantities import nanoseconds, size
from wherry.errors import Invalid

Form = Callable[[Any], Any]


class Member(NamedTuple):
    """`always`: written also when it is empty; `there`: also when it is empty, but not when it is missing."""

    name: str
    form: Form
    always: bool = False
    there: bool = False


def shaped(value: Any, members: tuple[Member, ...]) -> dict[str, Any]:
    """A mapping with the known members of `value`, in their order and form.

    Raises Invalid for a member that has no such form.
    """
    value = value or {}
    if not isinstance(value, dict):
        raise Invalid("must be a mapping")
    found: dict[str, Any] = {}
    for name, form, always, there in members:
        raw = value.get(name)
        if raw is None:
            if always:
                found[name] = form(None)
            continue
        try:
            written = form(raw)
        except (ValueError, TypeError, AttributeError, LookupError, OverflowError) as error:
            raise Invalid(f"{name}: invalid value {raw!r:.80}: {error}") from None
        except Invalid as error:
            raise Invalid(f"{name}: {error.message}", hint=error.hint) from None
        if written or always or there:
            found[name] = written
    return found


def written(value: Any) -> bytes:
    """The JSON text of a shape: compact, with the characters escaped that HTML knows."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text.encode("utf-8", "surrogatepass")


def text(value: Any) -> str:
    """A scalar of a file as text. Raises TypeError for a list or a mapping."""
    if isinstance(value, (dict, list)):
        raise TypeError("must be a text")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    return "" if value is None else str(value)


def flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() not in ("true", "false"):
        raise ValueError("must be true or false")
    return str(value).lower() == "true"


def whole(value: Any) -> int:
    return int(value)


def fraction(value: Any) -> int | float:
    """A number of 32 bits with as few digits as tell it from its neighbours."""
    (exact,) = struct.unpack("f", struct.pack("f", float(value)))
    if exact == int(exact):
        return int(exact)
    for digits in range(1, 10):
        short = float(f"{exact:.{digits}g}")
        if struct.unpack("f", struct.pack("f", short))[0] == exact:
            return short
    return float(exact)


def amount(value: Any) -> str:
    """Bytes, as text; nothing for none, so that it is left out."""
    number = size(value)
    return str(number) if number else ""


def span(value: Any) -> str:
    """A duration as `1h0m30s`, `1.5s`, `20ms`, `0s`."""
    left = nanoseconds(value)
    if left == 0:
        return "0s"
    if left < 10**9:
        for unit, name in ((10**6, "ms"), (10**3, "µs"), (1, "ns")):
            if left >= unit:
                return _decimal(left, unit) + name
    hours, left = divmod(left, 3600 * 10**9)
    minutes, left = divmod(left, 60 * 10**9)
    front = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{front}{_decimal(left, 10**9)}s"


def _decimal(value: int, unit: int) -> str:
    front, rest = divmod(value, unit)
    if not rest:
        return str(front)
    return f"{front}.{str(rest).zfill(len(str(unit)) - 1).rstrip('0')}"


def texts(value: Any) -> list[str]:
    return [text(item) for item in (value if isinstance(value, list) else [value])]


def command(value: Any) -> list[str] | None:
    return None if value is None else texts(value)


def mapping(value: Any) -> dict[str, str]:
    """Texts by name, sorted."""
    return {str(name): text(value[name]) for name in sorted(value)}


def variables(value: Any) -> dict[str, str | None]:
    """Texts by name, sorted; None for a name without a value."""
    return {str(name): None if value[name] is None else text(value[name]) for name in sorted(value)}


def hosts(value: Any) -> list[str]:
    found = []
    for name, addresses in value.items():
        for address in addresses if isinstance(addresses, list) else text(addresses).split(","):
            found.append(f"{name}={address[1:-1] if address.startswith('[') else address}")
    return sorted(found)


def mode(value: Any) -> str:
    """Permissions in octal digits; text is taken as such digits."""
    return f"0{(int(value, 8) if isinstance(value, str) else int(value)):o}"


def each(members: tuple[Member, ...]) -> Form:
    """A list of shapes."""
    return lambda value: [shaped(item, members) for item in value]


def one(members: tuple[Member, ...]) -> Form:
    """A shape."""
    return lambda value: shaped(value, members)
