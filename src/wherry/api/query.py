"""Query parameters as Docker reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wherry.engine.filters import Filters
from wherry.engine.filters import parse as parse_filters
from wherry.engine.moments import parse_instant
from wherry.errors import Invalid

_YEAR_10000 = 253_402_300_800 * 1_000_000_000
_FALSE = frozenset({"", "0", "no", "false", "none"})


class Query:
    """The parameters of one request. What is absent reads as "", False, 0 or the default."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Sequence[str]]) -> None:
        self._values = values

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str, default: str = "") -> str:
        values = self._values.get(name)
        return values[0] if values else default

    def texts(self, name: str) -> list[str]:
        return list(self._values.get(name, ()))

    def flag(self, name: str, default: bool = False) -> bool:
        """Anything but "", 0, no, false and none is true."""
        values = self._values.get(name)
        return values[0].strip().lower() not in _FALSE if values else default

    def number(self, name: str, default: int | None = None) -> int | None:
        """A decimal number. Raises Invalid in the words of Go's strconv."""
        text = self.text(name)
        if not text:
            return default
        try:
            if not text.lstrip("+-").isascii() or "_" in text or text != text.strip():
                raise ValueError(text)
            value = int(text)
        except ValueError:
            raise Invalid(f'strconv.Atoi: parsing "{text}": invalid syntax') from None
        if not -(1 << 63) <= value < 1 << 63:
            raise Invalid(f'strconv.Atoi: parsing "{text}": value out of range')
        return value

    def instant(self, name: str) -> int:
        """Nanoseconds since 1970 of a number, an RFC 3339 time or a span ago; 0: absent. Raises Invalid."""
        text = self.text(name)
        if not text:
            return 0
        instant = parse_instant(text)
        if not -_YEAR_10000 < instant < _YEAR_10000:
            raise Invalid(f"invalid time: {text!r}")
        return instant

    def filters(self) -> Filters:
        """The `filters` parameter, in either of its forms. Raises Invalid."""
        return parse_filters(self.text("filters"))
