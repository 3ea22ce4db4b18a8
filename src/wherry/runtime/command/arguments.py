"""Flags in the style of runc: `--name value`, `--name=value`, `-n value`; one dash will do for long ones."""

from __future__ import annotations

from wherry.errors import Invalid


class Arguments:
    """The flags given, each with all its values, and the positional arguments."""

    def __init__(self, flags: dict[str, list[str]], positional: list[str]) -> None:
        self._flags = flags
        self.positional = positional

    def has(self, *names: str) -> bool:
        """Whether one of these spellings of a switch was given."""
        return any(name in self._flags for name in names)

    def get(self, *names: str) -> str:
        """The last value of a flag with these spellings, "" if it wasn't given."""
        for name in names:
            if name in self._flags:
                return self._flags[name][-1]
        return ""

    def all(self, *names: str) -> list[str]:
        """Every value of a flag that may be repeated."""
        return [value for name in names for value in self._flags.get(name, ())]

    def number(self, name: str) -> int:
        """The value of a flag as a number, 0 if it wasn't given. Raises Invalid."""
        value = self.get(name)
        try:
            return int(value) if value else 0
        except ValueError:
            raise Invalid(f"--{name}: {value!r} is not a number") from None

    def with_positional(self, positional: list[str]) -> Arguments:
        """The same flags with these positional arguments."""
        return Arguments(self._flags, positional)


def parse(
    words: list[str], values: str, switches: str, *, until_positional: bool
) -> tuple[Arguments, list[str]]:
    """Split `words` into flags and the rest; with `until_positional` flags end at the first of the rest.

    `values` and `switches` are the names, separated by blanks. Raises Invalid for any other.
    """
    taking, switching = set(values.split()), set(switches.split())
    flags: dict[str, list[str]] = {}
    rest: list[str] = []
    index = 0
    while index < len(words):
        word = words[index]
        index += 1
        if word == "--":
            rest += words[index:]
            break
        if not word.startswith("-") or word == "-":
            rest.append(word)
            if until_positional:
                rest += words[index:]
                break
            continue
        name, equals, value = word.lstrip("-").partition("=")
        if name in taking:
            if not equals:
                if index == len(words):
                    raise Invalid(f"flag needs an argument: {word}")
                value = words[index]
                index += 1
            flags.setdefault(name, []).append(value)
        elif name in switching:
            if value not in ("false", "0"):
                flags.setdefault(name, []).append("true")
        else:
            raise Invalid(f"unknown flag: {word}")
    return Arguments(flags, rest), rest
