"""Sizes (`512m`, `1.5GiB`), durations (`1h30m`, `250ms`) and decimal fractions, as Docker reads them."""

from __future__ import annotations

_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_SECOND = 1_000_000_000
_UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": _SECOND,
    "m": 60 * _SECOND,
    "h": 3600 * _SECOND,
}


def parse_size(text: str) -> int:
    """Bytes. Units are powers of 1024 with or without `b` or `ib`; `-1` stays. Raises ValueError."""
    if text == "-1":
        return -1
    digits = text.rstrip("bBiIkKmMgGtTpP ")
    unit = text[len(digits) :].strip().lower()
    unit = unit[:-2] if unit.endswith("ib") and len(unit) == 3 else unit
    unit = unit[:-1] if unit.endswith("b") else unit
    try:
        number = float(digits) if "." in digits else int(digits)
    except ValueError:
        raise ValueError(f"invalid size: '{text}'") from None
    if number < 0 or unit not in _POWERS or digits[:1] not in "0123456789.":
        raise ValueError(f"invalid size: '{text}'")
    scale = int(1024 ** _POWERS[unit])
    return int(number * scale)


def parse_duration(text: str) -> int:
    """Nanoseconds of a Go duration: numbers each with a unit, e.g. `1m30s`, `1.5h`. Raises ValueError."""
    rest = text.lstrip("+-")
    sign = -1 if text.startswith("-") else 1
    if len(text) - len(rest) > 1 or not rest:
        raise ValueError(f'time: invalid duration "{text}"')
    if rest == "0":
        return 0
    total = 0.0
    while rest:
        end = 0
        while end < len(rest) and (rest[end].isdigit() or rest[end] == "."):
            end += 1
        digits, rest = rest[:end], rest[end:]
        end = 0
        while end < len(rest) and not (rest[end].isdigit() or rest[end] == "."):
            end += 1
        unit, rest = rest[:end], rest[end:]
        if not unit and digits:
            raise ValueError(f'time: missing unit in duration "{text}"')
        if unit not in _UNITS:
            raise ValueError(f'time: unknown unit "{unit}" in duration "{text}"')
        try:
            total += float(digits) * _UNITS[unit]
        except ValueError:
            raise ValueError(f'time: invalid duration "{text}"') from None
    return sign * round(total)


def parse_nano(text: str) -> int:
    """Billionths of a decimal or of a fraction such as `3/2`, exactly. Raises ValueError."""
    over, _, under = text.partition("/")
    whole, _, fraction = over.partition(".")
    digits = (whole or "0") + fraction
    if not digits.lstrip("+-").isdigit() or (under and not under.isdigit()) or not over:
        raise ValueError(f"failed to parse {text} as a rational number")
    divisor: int = 10 ** len(fraction) * int(under or 1)
    if not divisor or int(digits) * _SECOND % divisor:
        raise ValueError("value is too precise")
    return int(digits) * _SECOND // divisor


def check(kind: str, text: str) -> None:
    """Raise ValueError when `text` is no value of the flag kind `size`, `duration` or `decimal`."""
    if kind == "size":
        parse_size(text)
    elif kind == "duration":
        parse_duration(text)
    elif kind == "decimal":
        parse_nano(text)
    else:
        raise AssertionError(f"no such kind of flag: {kind}")
