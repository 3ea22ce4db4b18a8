"""Completion as shells ask for it: the words, and the three scripts in real shells."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.harness.capabilities import python
from tests.harness.command import ENTRY, Command
from tests.harness.engine import EngineUnderTest


def words(wherry: Command, *typed: str) -> list[str]:
    return [line.partition("\t")[0] for line in wherry("__complete", "--", *typed).out.splitlines()]


def test_what_can_follow(engine: EngineUnderTest, wherry: Command) -> None:
    (engine.home / "compose.yaml").write_text("services: {web: {image: host}, worker: {image: host}}")
    wherry("create", "--name", "sleeper", "host", "sleep", "1")
    wherry("volume", "create", "stored")
    try:
        assert words(wherry, "comp") == ["compose", "completion"]
        assert words(wherry, "exec", "sl") == ["sleeper"]
        assert words(wherry, "container", "rm", "-f", "sl") == ["sleeper"]
        assert words(wherry, "run", "-v", "st") == ["stored"]
        assert words(wherry, "run", "--network", "n") == ["none"]
        assert words(wherry, "run", "--network", "=", "n") == ["none"]  # as bash splits it
        assert words(wherry, "run", "--network=n") == ["--network=none"]
        assert words(wherry, "run", "--rm", "ho") == ["host"]
        assert words(wherry, "run", "--rm", "host", "ls", "-") == []  # the words of another command
        assert words(wherry, "stop", "--sig") == ["--signal"]
        assert words(wherry, "kill", "--signal", "US") == ["USR1", "USR2"]
        assert words(wherry, "ps", "--filter", "stat") == ["status="]
        assert words(wherry, "compose", "lo") == ["logs"]
        assert words(wherry, "compose", "-p", "x", "up", "--wait-") == ["--wait-timeout"]
        assert words(wherry, "compose", "up", "w") == ["web", "worker"]
        assert words(wherry, "compose", "-f", "missing.yaml", "up", "w") == []
        assert words(wherry, "stack", "dep") == ["deploy"]
        assert words(wherry, "-H", "unix:///nowhere", "exec", "sl") == []
        assert words(wherry, "no-such", "x") == []
    finally:
        wherry("rm", "sleeper")
        wherry("volume", "rm", "stored")
        (engine.home / "compose.yaml").unlink()


BASH = """source {script}; COMP_WORDS=({words} ''); COMP_CWORD={count}
COMP_WORDS[$COMP_CWORD]={last}; _wherry; printf '%s\\n' "${{COMPREPLY[@]}}"
"""
FISH = "source {script}; complete -C '{line}' | cut -f1"
ZSH = """autoload -Uz compinit; compinit -u -D; source {script}
_describe() {{ local name=${{@[-1]}}; print -rl -- "${{(@P)name}}" | cut -d: -f1; }}
words=({line}); CURRENT=$#words; _wherry
"""


@pytest.mark.parametrize("shell", [name for name in ("bash", "fish", "zsh") if shutil.which(name)])
def test_in_a_shell(shell: str, engine: EngineUnderTest, wherry: Command, tmp_path: Path) -> None:
    command = tmp_path / "wherry"
    command.write_text(f"#!/bin/sh\nexec '{python()}' -c '{ENTRY}' \"$@\"\n")
    command.chmod(0o755)
    script = tmp_path / "script"
    script.write_text(wherry("completion", shell).out)
    for line, expected in (
        ("wherry comp", ["compose", "completion"]),
        ("wherry run --network n", ["none"]),
        ("wherry stop --sig", ["--signal"]),
    ):
        *before, last = line.split()
        values = {
            "script": script,
            "line": line,
            "words": " ".join(before),
            "last": last,
            "count": len(before),
        }
        text = {"bash": BASH, "fish": FISH, "zsh": ZSH}[shell].format(**values)
        done = subprocess.run(
            [shell, "-c", text],
            capture_output=True,
            text=True,
            env=engine.environment | {"PATH": f"{tmp_path}:{engine.environment['PATH']}"},
            timeout=60,
            check=False,
        )
        assert sorted(done.stdout.split()) == sorted(expected), done.stdout + done.stderr
