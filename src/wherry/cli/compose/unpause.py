"""`wherry compose unpause`: let frozen containers go on."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.compose.changing import change


def run(invocation: Invocation) -> int:
    return change(invocation, "unpause", "Unpaused", states=("paused",), ordered=False)


COMMAND = Command(run, usage="[OPTIONS] [SERVICE...]", maximum=None, flags=())
