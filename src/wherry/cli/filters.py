"""--filter NAME=VALUE, given any number of times: the JSON that the API wants."""

from __future__ import annotations

from wherry.cli.flags import UsageError


def parse_filters(values: list[str]) -> dict[str, list[str]]:
    """Filters by name. Raises UsageError for one without a value."""
    found: dict[str, list[str]] = {}
    for text in values:
        if not text:
            continue
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(
                f'invalid argument "{text}" for "--filter" flag: invalid filter (must be name=value)'
            )
        entry = found.setdefault(name.strip().lower(), [])
        if value.strip() not in entry:
            entry.append(value.strip())
    return found
