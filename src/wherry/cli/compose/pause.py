"""`wherry compose pause`: freeze containers."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.compose.changing import change


def run(invocation: Invocation) -> int:
    return change(invocation, "pause", "Paused", states=("running",), ordered=False)


COMMAND = Command(run, usage="[OPTIONS] [SERVICE...]", maximum=None, flags=())
