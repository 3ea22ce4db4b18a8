"""Docker's `filters` query parameter: which values of which names are wanted."""

from __future__ import annotations

import msgspec

from wherry.errors import Invalid

Filters = dict[str, list[str]]


def parse(text: str | None, *, allowed: frozenset[str] | None = None) -> Filters:
    """Read either form clients send: `{"name": ["a"]}` or the older `{"name": {"a": true}}`.

    Raises `Invalid` (Docker's wording) for malformed JSON and for a name that is not in `allowed`.
    """
    if not text:
        return {}
    try:
        raw = msgspec.json.decode(text, type=dict[str, list[str] | dict[str, bool]])
    except (msgspec.DecodeError, msgspec.ValidationError):
        raise Invalid("invalid filter") from None
    filters = {
        name: values if isinstance(values, list) else [value for value, wanted in values.items() if wanted]
        for name, values in raw.items()
    }
    if allowed is not None:
        check(filters, allowed)
    return filters


def check(filters: Filters, allowed: frozenset[str]) -> None:
    """Raise `Invalid` when a filter is not one of `allowed`."""
    for name in filters:
        if name not in allowed:
            raise Invalid(f"invalid filter '{name}'")


def flag(filters: Filters, name: str) -> bool | None:
    """The value of a yes-or-no filter such as `dangling`; None when it was not given. Raises `Invalid`."""
    values = filters.get(name)
    if not values:
        return None
    wanted = {value.lower() for value in values}
    if wanted <= {"1", "true", "t"}:
        return True
    if wanted <= {"0", "false", "f"}:
        return False
    raise Invalid(f"invalid filter '{name}={values}'")


def matches_labels(labels: dict[str, str] | None, wanted: list[str]) -> bool:
    """True when every `key` or `key=value` of `wanted` is among `labels`."""
    labels = labels or {}
    for item in wanted:
        key, equals, value = item.partition("=")
        if key not in labels or (equals and labels[key] != value):
            return False
    return True
