"""Flags with the semantics of the Go library that Docker's command line uses.

A command's flags are one constant tuple, from which come the parser, the help page and the shell
completion:

    (name, short, kind, help, group)

`kind` is `bool`, or the kind of value with a word for it after a colon, e.g. `text:NAME`. Kinds of value:

    text      the last one given counts                 int      a whole number
    list      every one given counts                    strings  like list, each split at commas
    size      bytes, with units                         duration Go's 1m30s
    decimal   a decimal fraction                        uint16   0 … 65535

Understood: `--flag value`, `--flag=value`, `--bool=false`, `--no-flag` for a bool without such a flag of
its own, `-f value`, `-fvalue`, `-f=value`, `-itd`, `--`. A command that runs another (run, exec, …) stops
at its first argument, so that what follows belongs to that other command.
"""

from __future__ import annotations

from wherry.errors import Invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    Flag = tuple[str, str, str, str, str]

_TRUE = ("1", "t", "T", "true", "TRUE", "True")
_FALSE = ("0", "f", "F", "false", "FALSE", "False")


class UsageError(Invalid):
    """A command line that can't be understood; shown with the usage of the command."""

    exit_code = 125


class Flags:
    """What was given on one command line: each flag's values in order, as text that its kind has accepted."""

    __slots__ = ("_given",)

    def __init__(self, given: dict[str, list[str]]) -> None:
        self._given = given

    def given(self, *names: str) -> bool:
        """Whether any of these flags was on the command line, with whatever value."""
        return any(name in self._given for name in names)

    def on(self, name: str, default: bool = False) -> bool:
        """The value of a bool."""
        values = self._given.get(name)
        return values[-1] == "true" if values else default

    def text(self, name: str, default: str = "") -> str:
        values = self._given.get(name)
        return values[-1] if values else default

    def every(self, name: str) -> list[str]:
        """The values of a repeatable flag."""
        return self._given.get(name, [])

    def number(self, name: str, default: int = 0) -> int:
        """The value of an `int` or `uint16`."""
        values = self._given.get(name)
        return int(values[-1], 0) if values else default

    def size(self, name: str) -> int:
        """The value of a `size` in bytes; 0 when not given; -1 where -1 means no limit."""
        values = self._given.get(name)
        if not values:
            return 0
        from wherry.cli.options.quantities import parse_size

        return parse_size(values[-1])

    def nanoseconds(self, name: str) -> int:
        """The value of a `duration`; 0 when not given."""
        values = self._given.get(name)
        if not values:
            return 0
        from wherry.cli.options.quantities import parse_duration

        return parse_duration(values[-1])


def parse(
    table: Sequence[Flag], words: Sequence[str], *, interspersed: bool = True
) -> tuple[Flags, list[str]]:
    """The flags and the arguments among `words`. Raises UsageError, in Docker's words, for what is wrong."""
    long = {flag[0]: flag for flag in table}
    short = {flag[1]: flag for flag in table if flag[1]}
    given: dict[str, list[str]] = {}
    arguments: list[str] = []
    position, end = 0, len(words)
    while position < end:
        word = words[position]
        position += 1
        if len(word) < 2 or word[0] != "-":
            arguments.append(word)
            if not interspersed:
                break
            continue
        if word == "--":
            break
        if word[1] == "-":
            name, equals, value = word[2:].partition("=")
            flag = long.get(name)
            if flag is None:
                flag, value = _negated(long, word, name, equals)
                _accept(given, flag, value)
            elif equals:
                _accept(given, flag, value)
            elif flag[2] == "bool":
                given.setdefault(name, []).append("true")
            elif position < end:
                _accept(given, flag, words[position])
                position += 1
            else:
                raise UsageError(f"flag needs an argument: --{name}")
            continue
        cluster = word[1:]
        while cluster:
            letter, cluster = cluster[0], cluster[1:]
            flag = short.get(letter)
            if flag is None:
                raise _unknown_letter(table, letter, word)
            if cluster[:1] == "=":
                _accept(given, flag, cluster[1:])
                break
            if flag[2] == "bool":
                given.setdefault(flag[0], []).append("true")
            elif cluster:
                _accept(given, flag, cluster)
                break
            elif position < end:
                _accept(given, flag, words[position])
                position += 1
            else:
                raise UsageError(f"flag needs an argument: {letter!r} in {word}")
    arguments.extend(words[position:])
    return Flags(given), arguments


def _negated(long: dict[str, Flag], word: str, name: str, equals: str) -> tuple[Flag, str]:
    """The bool that `--no-name` turns off."""
    flag = long.get(name[3:]) if name.startswith("no-") else None
    if flag is not None and flag[2] == "bool" and not equals:
        return flag, "false"
    error = UsageError(f"unknown flag: {word.partition('=')[0]}")
    from wherry.cli.suggest import nearest

    if found := nearest(name, list(long)):
        error.hint = f"did you mean --{found}?"
    raise error


def _unknown_letter(table: Sequence[Flag], letter: str, word: str) -> UsageError:
    error = UsageError(f"unknown shorthand flag: {letter!r} in {word}")
    if any(flag[0] == word[1:].partition("=")[0] for flag in table):
        error.hint = f"did you mean -{word}?"
    return error


def _accept(given: dict[str, list[str]], flag: Flag, value: str) -> None:
    """Note a value, checked as its kind wants it."""
    name, short, kind = flag[:3]
    kind = kind.partition(":")[0]
    try:
        if kind == "bool":
            if value in _TRUE:
                value = "true"
            elif value in _FALSE:
                value = "false"
            else:
                raise ValueError("neither true nor false")
        elif kind == "int" or kind == "uint16":
            try:
                number = int(value, 0)
            except ValueError:
                raise ValueError("not a whole number") from None
            if kind == "uint16" and not 0 <= number <= 65535:
                raise ValueError("not between 0 and 65535")
        elif kind == "strings":
            given.setdefault(name, []).extend(value.split(","))
            return
        elif kind not in ("text", "list"):
            from wherry.cli.options.quantities import check

            check(kind, value)
    except ValueError as error:
        shown = f"-{short}, --{name}" if short else f"--{name}"
        raise UsageError(f'invalid argument "{value}" for "{shown}" flag: {error}') from None
    given.setdefault(name, []).append(value)
