"""Every command of the table: its module, its flags, its help, its way into the completion."""

from __future__ import annotations

import pytest

from wherry.cli import entry
from wherry.cli import help as pages
from wherry.cli.command import Invocation
from wherry.cli.complete import candidates
from wherry.cli.flags import Flags
from wherry.cli.suggest import nearest
from wherry.cli.tree import ALIASES, COMMANDS, GROUPS, HIDDEN, group_commands, resolve

KINDS = {"bool", "text", "list", "strings", "int", "uint16", "size", "duration", "decimal"}


@pytest.mark.parametrize("name", COMMANDS)
def test_command(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = entry.load(COMMANDS[name][0])
    names = [flag[0] for flag in command.flags]
    letters = [flag[1] for flag in command.flags if flag[1]]
    assert len(set(names)) == len(names)
    assert len(set(letters)) == len(letters)
    for flag in command.flags:
        assert len(flag) == 5
        assert flag[2].partition(":")[0] in KINDS
        assert flag[3], f"--{flag[0]} has no help"
    if name in HIDDEN:
        return
    assert entry.run([*name.split(), "--help"]) == 0
    page = capsys.readouterr().out
    assert page.startswith(f"Usage:  wherry {name}")
    assert all(f"--{flag}" in page for flag in names)
    assert "\x1b" not in page


def test_tables_agree() -> None:
    assert set(ALIASES.values()) <= set(COMMANDS)
    listed = {name for _, names in pages.SECTIONS for name in names}
    top = {name for name, what in COMMANDS.items() if " " not in name} - HIDDEN
    assert listed == top | set(GROUPS)
    assert resolve(["container", "ls", "-a"]) == ("ps", "container ls", ["-a"])
    assert resolve(["image", "rm", "x"]) == ("rmi", "image rm", ["x"])
    assert resolve(["container"]) == ("", "container", [])
    assert list(group_commands("container"))[:2] == ["attach", "commit"]
    assert {"ls", "rm", "inspect", "prune"} <= set(group_commands("image"))


@pytest.mark.parametrize(
    ("words", "code", "out", "err"),
    [
        ([], 0, "containers with nothing to set up", ""),
        (["help"], 0, "Everyday", ""),
        (["help", "run"], 0, "Usage:  wherry run [OPTIONS] IMAGE", ""),
        (["run", "-h"], 125, "", "flag needs an argument: 'h' in -h"),
        (["ps", "-h"], 0, "Usage:  wherry ps", ""),
        (["volume"], 0, "Usage:  wherry volume COMMAND", ""),
        (["pss"], 1, "", "unknown command: wherry pss\nhint: did you mean 'wherry ps'?"),
        (["container", "lss"], 1, "", "did you mean 'wherry container ls'?"),
        (["rm"], 1, "", "'wherry rm' requires at least 1 argument\n\nUsage:  wherry rm [OPTIONS] CONTAINER"),
        (["ps", "x"], 1, "", "'wherry ps' accepts no arguments"),
        (["tag", "x"], 1, "", "'wherry tag' requires 2 arguments"),
        (["ps", "--foo"], 125, "", "unknown flag: --foo"),
        (["--foo"], 125, "", "unknown flag: --foo"),
        (["context", "show", "x"], 1, "", "'wherry context show' accepts no arguments"),
        (["--version"], 0, "wherry version 0", ""),
        (["-H", "ftp://x", "ps"], 1, "", "unable to parse engine host 'ftp://x'"),
        (["completion", "tcsh"], 1, "", "no completion for 'tcsh'"),
    ],
)
def test_entry(words: list[str], code: int, out: str, err: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.run(words) == code
    captured = capsys.readouterr()
    assert out in captured.out
    assert err in captured.err
    assert "Traceback" not in captured.err


def test_help_of_another_command_is_not_ours() -> None:
    command = entry.load(COMMANDS["run"][0])
    assert not pages.asks_for_help(command, ["image", "ls", "--help"])
    assert pages.asks_for_help(command, ["-it", "--help", "image"])


@pytest.mark.parametrize(
    ("word", "found"),
    [("strt", "start"), ("imges", "images"), ("inspec", "inspect"), ("zzzzzz", ""), ("psu", "ps")],
)
def test_nearest(word: str, found: str) -> None:
    assert nearest(word, ["start", "stop", "images", "inspect", "ps", "run"]) == found


def completed(*words: str) -> list[str]:
    invocation = Invocation("__complete", Flags({}), list(words), "unix:///nonexistent")
    found = candidates(words[:-1], words[-1], invocation)
    return [word for word, _ in found if word.startswith(words[-1])]


def test_completion() -> None:
    assert completed("ru") == ["run"]
    assert "--host" in completed("--")
    assert completed("volume", "") == ["create", "inspect", "ls", "prune", "rm"]
    assert completed("run", "--netw") == ["--network", "--network-alias"]
    assert completed("run", "--restart", "un") == ["unless-stopped"]
    assert completed("run", "--pull=n") == ["--pull=never"]
    assert completed("-H", "tcp://x", "container", "pru") == ["prune"]
    assert completed("run", "image", "--") == []
    assert completed("run", "--pull", "=", "n") == ["never"]
    assert completed("completion", "") == ["bash", "zsh", "fish"]
    assert completed("kill", "-s", "T") == ["TERM"]
    assert "__complete" not in completed("")
