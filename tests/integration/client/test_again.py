"""Logs and events that are followed while the engine is replaced: nothing is lost and nothing comes twice."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tests.harness.engine import EngineUnderTest
from tests.harness.waiting import until
from wherry.client.again import _Marked

LINES = 300
SCRIPT = (
    f"n=0; while test $n -lt {LINES}; do n=$((n+1)); printf li; printf 'ne %s\\n' $n; echo other $n >&2;"
    " sleep 0.01; done"
)


class Follower:
    """A command that follows something; its output goes to files."""

    def __init__(self, engine: EngineUnderTest, name: str, *words: str) -> None:
        self._files = [(engine.home / f"{name}.{kind}").open("w+b") for kind in ("out", "err")]
        self.process = engine.wherry.popen(
            *words, stdin=subprocess.DEVNULL, stdout=self._files[0], stderr=self._files[1]
        )

    @property
    def out(self) -> str:
        return self._read(0)

    @property
    def err(self) -> str:
        return self._read(1)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for file in self._files:
            file.close()

    def _read(self, number: int) -> str:
        self._files[number].seek(0)
        return self._files[number].read().decode()


def replace(engine: EngineUnderTest, how: str) -> None:
    """The engine goes, and another comes: started by clients after a kill, else as a service's would be."""
    assert engine.process is not None
    if how == "kill":
        engine.process.kill()
    else:
        engine.process.terminate()
    engine.process.wait(60)
    engine.process = None
    if how == "upgrade":
        engine.start()
    until(engine.answers)


@pytest.mark.parametrize("how", ["upgrade", "kill"])
def test_logs_and_events_go_on(own_engine: EngineUnderTest, image: str, how: str) -> None:
    run = ("run", "-d", "--network", "none")
    followers = []
    try:
        events = Follower(own_engine, "events", "events", "--format", "json")
        followers.append(events)
        until(lambda: own_engine.wherry("volume", "create").out and "volume" in events.out)
        own_engine.wherry(*run, "--name", "plain", image, "sh", "-c", SCRIPT)
        own_engine.wherry(*run, "-t", "--name", "tty", image, "sh", "-c", SCRIPT)
        plain = Follower(own_engine, "plain", "logs", "-f", "plain")
        stamped = Follower(own_engine, "stamped", "logs", "-ft", "plain")
        tty = Follower(own_engine, "tty", "logs", "-f", "tty")
        followers += [plain, stamped, tty]
        until(lambda: all(one.out.count("\n") > 20 for one in (plain, stamped, tty)))
        until(lambda: '"start"' in events.out)
        replace(own_engine, how)
        own_engine.wherry(*run, "--name", "later", image, "true")
        until(lambda: all(one.process.poll() is not None for one in (plain, stamped, tty)), 60)
        numbers = range(1, LINES + 1)
        assert plain.out == "".join(f"line {n}\n" for n in numbers)
        assert plain.err == "".join(f"other {n}\n" for n in numbers)
        assert [line.split(" ", 1)[1] for line in stamped.out.splitlines()] == [f"line {n}" for n in numbers]
        assert tty.out == "".join(f"line {n}\r\nother {n}\r\n" for n in numbers)
        until(lambda: sum(one["Action"] == "die" for one in _documents(events)) == 3)
        seen = [(one["Action"], one["Actor"]["Attributes"].get("name")) for one in _documents(events)]
        for name in ("plain", "tty", "later"):
            assert [action for action, whose in seen if whose == name] == ["create", "start", "die"], seen
    finally:
        for one in followers:
            one.close()


def _documents(events: Follower) -> list[dict[str, Any]]:
    return [json.loads(line) for line in events.out.splitlines() if line.endswith("}")]


def test_events_are_known_to_the_next_engine(own_engine: EngineUnderTest) -> None:
    own_engine.wherry("volume", "create", "kept")
    own_engine.kill()
    own_engine.start()
    said = own_engine.wherry(
        "events", "--since", "1h", "--until", "0s", "--format", "{{.Type}} {{.Action}}"
    ).out
    assert "volume create\n" in said


def test_a_line_that_ended_together_with_the_next_is_told_from_its_beginning() -> None:
    one, two = b"2026-01-01T00:00:00.1Z ", b"2026-01-01T00:00:00.2Z "
    marked = _Marked(timestamps=False)
    pieces = [one + b"li", b"ne\n", two + b"other\n"]  # the last two were written at once
    assert b"".join(marked.take(piece) for piece in pieces) == b"line\nother\n"
    assert marked.reached == one.strip()
    marked.again()
    assert b"".join(marked.take(piece) for piece in [*pieces, two + b"more\n"]) == b"more\n"
    assert marked.reached == one.strip()


def test_what_came_already_is_left_out() -> None:
    one, two, three = b"2026-01-01T00:00:00.1Z ", b"2026-01-01T00:00:00.2Z ", b"2026-01-01T00:00:00.3Z "
    marked = _Marked(timestamps=True)
    assert marked.take(one + b"a\n") == one + b"a\n"
    assert marked.take(two + b"b\n") == two + b"b\n"
    assert marked.take(two + b"c") == two + b"c"
    assert marked.take(b"d") == b"d"
    marked.again()
    assert marked.take(one + b"a\n") == b""
    assert marked.take(two + b"b\n") == b""
    assert marked.take(two + b"cd") == b""
    marked.again()  # and once more, in the middle
    assert marked.take(two + b"b\n") == b""
    assert marked.take(two + b"cde") == b"e"
    assert marked.take(b"f\n") == b"f\n"
    assert marked.take(two + b"g\n") == two + b"g\n"
    assert marked.take(three + b"h\n") == three + b"h\n"
    assert marked.take(one + b"i\n") == one + b"i\n"  # the clock was set back
