"""Flags as Docker's command line takes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherry.cli.flags import UsageError, parse

TABLE = (
    ("all", "a", "bool", "", ""),
    ("interactive", "i", "bool", "", ""),
    ("tty", "t", "bool", "", ""),
    ("name", "n", "text:NAME", "", ""),
    ("publish", "p", "list:PORT", "", ""),
    ("alias", "", "strings:NAME", "", ""),
    ("count", "c", "int", "", ""),
    ("memory", "m", "size:SIZE", "", ""),
    ("no-trunc", "", "bool", "", ""),
)


def given_flags(*words: str, interspersed: bool = True) -> tuple[dict[str, list[str]], list[str]]:
    flags, arguments = parse(TABLE, words, interspersed=interspersed)
    return flags._given, arguments


@pytest.mark.parametrize(
    ("words", "flags", "arguments"),
    [
        ("--name x y", {"name": ["x"]}, ["y"]),
        ("--name=x=z y", {"name": ["x=z"]}, ["y"]),
        ("-n x -nx -n=x -n=", {"name": ["x", "x", "x", ""]}, []),
        ("-ait", {"all": ["true"], "interactive": ["true"], "tty": ["true"]}, []),
        ("-itnx", {"interactive": ["true"], "tty": ["true"], "name": ["x"]}, []),
        ("-itn x", {"interactive": ["true"], "tty": ["true"], "name": ["x"]}, []),
        ("-a=false --all=0 --all=T", {"all": ["false", "false", "true"]}, []),
        ("--no-all --no-trunc", {"all": ["false"], "no-trunc": ["true"]}, []),
        ("-p80:80 -p 81", {"publish": ["80:80", "81"]}, []),
        ("--alias a,b --alias c", {"alias": ["a", "b", "c"]}, []),
        ("a -n x b", {"name": ["x"]}, ["a", "b"]),
        ("a -- -n x", {}, ["a", "-n", "x"]),
        ("- a", {}, ["-", "a"]),
        ("--name -a", {"name": ["-a"]}, []),
        ("-c 0x10 -c -5", {"count": ["0x10", "-5"]}, []),
        ("", {}, []),
    ],
)
def test_understood(words: str, flags: dict[str, list[str]], arguments: list[str]) -> None:
    assert given_flags(*words.split()) == (flags, arguments)


def test_stops_at_the_first_argument() -> None:
    assert given_flags("-a", "image", "-n", "x", interspersed=False) == (
        {"all": ["true"]},
        ["image", "-n", "x"],
    )
    assert given_flags("--", "-a", "b", interspersed=False) == ({}, ["-a", "b"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--foo", "unknown flag: --foo"),
        ("--foo=1", "unknown flag: --foo"),
        ("-z", "unknown shorthand flag: 'z' in -z"),
        ("-aZ", "unknown shorthand flag: 'Z' in -aZ"),
        ("--name", "flag needs an argument: --name"),
        ("-an", "flag needs an argument: 'n' in -an"),
        ("--all=maybe", 'invalid argument "maybe" for "-a, --all" flag: neither true nor false'),
        ("-c x", 'invalid argument "x" for "-c, --count" flag: not a whole number'),
        ("-m 1q", 'invalid argument "1q" for "-m, --memory" flag: invalid size: \'1q\''),
        ("--no-name", "unknown flag: --no-name"),
        ("--no-all=1", "unknown flag: --no-all"),
    ],
)
def test_refused(words: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        parse(TABLE, words.split())
    assert error.value.message == message
    assert error.value.exit_code == 125


def test_hints() -> None:
    with pytest.raises(UsageError) as error:
        parse(TABLE, ["--publsh"])
    assert error.value.hint == "did you mean --publish?"
    with pytest.raises(UsageError) as error:
        parse(TABLE, ["-all"])
    assert error.value.hint == "did you mean --all?"


def test_values() -> None:
    flags, _ = parse(TABLE, ["-a", "-n", "x", "-n", "y", "-p", "1", "-p", "2", "-c", "0x10", "-m", "1.5g"])
    assert flags.on("all") and not flags.on("tty") and flags.on("tty", True)
    assert flags.text("name") == "y"
    assert flags.every("publish") == ["1", "2"] and flags.every("alias") == []
    assert flags.number("count") == 16 and flags.size("memory") == 3 << 29
    assert flags.given("tty", "name") and not flags.given("tty")


@given(st.lists(st.text(alphabet="-=anpx1", max_size=6)))
def test_never_breaks(words: list[str]) -> None:
    try:
        parse(TABLE, words)
    except UsageError:
        pass
