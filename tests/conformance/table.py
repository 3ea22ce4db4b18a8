"""A table of commands: what is typed, and what Docker answers."""

from __future__ import annotations

import re
import shlex
from typing import NamedTuple

import pytest

from tests.conformance.daemons import Daemon


class Step(NamedTuple):
    """One command of the `docker` command line and what is expected of it.

    `IMAGE` in the command stands for the image's name. `out` and `err` are regular expressions that the whole
    output must match (None: anything); `has` are texts that standard output contains.
    """

    command: str
    code: int = 0
    out: str | None = None
    err: str | None = ""
    has: tuple[str, ...] = ()
    stdin: bytes | None = None
    only: str = ""
    """The one daemon that this step is for; "" for any."""


ID = r"[0-9a-f]{64}\n"
SHORT = r"[0-9a-f]{12}\n"
IMAGE_ID = r"sha256:[0-9a-f]{64}\n"


def run_steps(daemon: Daemon, steps: list[Step]) -> None:
    """Run all, one after another; every one that differs is reported with what was said instead."""
    differences = [text for step in steps if step.only in ("", daemon.name) and (text := _run(daemon, step))]
    if differences:
        pytest.fail("\n\n".join(differences), pytrace=False)


def _run(daemon: Daemon, step: Step) -> str:
    done = daemon.docker(*shlex.split(step.command.replace("IMAGE", daemon.image)), stdin=step.stdin)
    wrong: list[str] = []
    if done.code != step.code:
        wrong.append(f"exit code {done.code}, not {step.code}")
    if step.out is not None and not re.fullmatch(step.out, done.out, re.DOTALL):
        wrong.append(f"standard output does not match {step.out!r}")
    if step.err is not None and not re.fullmatch(step.err, done.err, re.DOTALL):
        wrong.append(f"standard error does not match {step.err!r}")
    wrong += [f"standard output lacks {text!r}" for text in step.has if text not in done.out]
    if not wrong:
        return ""
    return f"docker {step.command}: {'; '.join(wrong)}\n--- out\n{done.out}--- err\n{done.err}"
