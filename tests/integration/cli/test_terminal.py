"""Containers with a terminal: keys, sizes, detaching, and the terminal as it was afterwards."""

from __future__ import annotations

from tests.harness.command import Command
from tests.harness.engine import EngineUnderTest
from tests.integration.cli.terminal import Terminal

QUIET = ("--network", "none")


def test_shell(wherry: Command, image: str) -> None:
    with Terminal(wherry, "run", "--rm", "-it", *QUIET, image, "sh", rows=33, columns=101) as terminal:
        terminal.type("stty size; echo a-$((40+2)); tty\n")
        assert "33 101" in terminal.expect("a-42")
        assert terminal.modes() != terminal.before[:4]
        terminal.resize(20, 60)
        terminal.type("sleep 0.3; stty size; echo b-$((40+2))\n")
        assert "20 60" in terminal.expect("b-42")
        terminal.type("exit 7\n")
        assert terminal.wait() == 7
        assert terminal.modes() == terminal.before[:4]


def test_interrupt_is_a_key(wherry: Command, image: str) -> None:
    script = "trap 'echo caught; exit 5' INT; echo ready; while :; do sleep 0.1; done"
    with Terminal(wherry, "run", "--rm", "-it", *QUIET, image, "sh", "-c", script) as terminal:
        terminal.expect("ready")
        terminal.type("\x03")
        terminal.expect("caught")
        assert terminal.wait() == 5


def test_detach_and_attach(engine: EngineUnderTest, image: str) -> None:
    wherry = engine.wherry
    with Terminal(wherry, "run", "-it", "--name", "left", *QUIET, image, "sh") as terminal:
        terminal.type("echo a-$((40+2))\n")
        terminal.expect("a-42")
        terminal.type("\x10\x11")
        assert terminal.wait() == 0
        assert terminal.modes() == terminal.before[:4]
    assert wherry("inspect", "-f", "{{.State.Running}}", "left").line == "true"
    with Terminal(wherry, "attach", "--detach-keys", "ctrl-a,d", "left") as terminal:
        terminal.type("echo b-$((40+2))\n")
        terminal.expect("b-42")
        terminal.type("\x01d")
        assert terminal.wait() == 0
    with Terminal(wherry, "attach", "left") as terminal:
        terminal.type("exit 3\n")
        assert terminal.wait() == 3


def test_exec(engine: EngineUnderTest, image: str) -> None:
    wherry = engine.wherry
    wherry("run", "-d", "--name", "box", *QUIET, image, "sleep", "1000")
    with Terminal(wherry, "exec", "-it", "box", "sh", rows=11, columns=44) as terminal:
        terminal.type("stty size; echo a-$((40+2))\n")
        assert "11 44" in terminal.expect("a-42")
        terminal.type("exit 5\n")
        assert terminal.wait() == 5


def test_stats_go_on_until_interrupted(engine: EngineUnderTest, image: str) -> None:
    engine.wherry("run", "-d", "--name", "first", *QUIET, image, "sleep", "1000")
    with Terminal(engine.wherry, "stats") as terminal:
        terminal.expect("first")
        terminal.expect("first")
        engine.wherry("run", "-d", "--name", "second", *QUIET, image, "sleep", "1000")
        terminal.expect("second")
        engine.wherry("rm", "-f", "first")
        terminal.type("\x03")
        assert terminal.wait() == 0


def test_colours_and_messages(wherry: Command) -> None:
    with Terminal(wherry, "ps", "--help") as terminal:
        assert "\x1b[1mUsage:" in terminal.expect("wherry ps")
        assert terminal.wait() == 0


def test_terminal_asked_for_where_there_is_none(wherry: Command, image: str) -> None:
    found = wherry("run", "--rm", "-it", *QUIET, image, "true", code=125)
    assert "the input device is not a TTY" in found.err
