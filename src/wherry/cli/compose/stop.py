"""`wherry compose stop`: stop containers, those that depend on others first."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.compose.changing import TIMEOUT, change, timeout


def run(invocation: Invocation) -> int:
    return change(
        invocation, "stop", "Stopped", states=("running", "restarting", "paused"), t=timeout(invocation)
    )


COMMAND = Command(run, usage="[OPTIONS] [SERVICE...]", maximum=None, flags=(TIMEOUT,))
