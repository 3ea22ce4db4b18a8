"""The command line's flags."""

from __future__ import annotations

import pytest

from wherry.errors import Invalid
from wherry.runtime.command.arguments import parse


def test_spellings() -> None:
    options, rest = parse(
        ["--log=x", "--bundle", "b", "-d", "name"], "log bundle", "d", until_positional=False
    )
    assert (options.get("log"), options.get("bundle"), options.has("d"), rest) == ("x", "b", True, ["name"])


def test_flags_after_the_name() -> None:
    options, rest = parse(["name", "--force"], "", "force", until_positional=False)
    assert options.has("force")
    assert rest == ["name"]


def test_another_command_line_after_the_name() -> None:
    options, rest = parse(["-e", "A=1", "-e", "B=2", "name", "ls", "-e"], "e", "", until_positional=True)
    assert options.all("e") == ["A=1", "B=2"]
    assert rest == ["name", "ls", "-e"]


@pytest.mark.parametrize("words", [["--nonsense"], ["--log"]])
def test_mistakes(words: list[str]) -> None:
    with pytest.raises(Invalid):
        parse(words, "log", "", until_positional=False)


def test_a_switch_that_is_off() -> None:
    options, _rest = parse(["--debug=false"], "", "debug", until_positional=False)
    assert not options.has("debug")
