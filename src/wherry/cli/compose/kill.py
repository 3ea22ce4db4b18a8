"""`wherry compose kill`: send a signal to containers."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.compose.changing import change


def run(invocation: Invocation) -> int:
    return change(
        invocation,
        "kill",
        "Killed",
        states=("running", "paused"),
        ordered=False,
        signal=invocation.flags.text("signal", "SIGKILL"),
    )


COMMAND = Command(
    run,
    usage="[OPTIONS] [SERVICE...]",
    maximum=None,
    flags=(("signal", "s", "text:SIGNAL", "Which signal (SIGKILL)", ""),),
)
