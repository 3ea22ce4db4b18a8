"""`wherry compose restart`: stop containers and start them again."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.compose.changing import TIMEOUT, change, timeout


def run(invocation: Invocation) -> int:
    return change(invocation, "restart", "Restarted", t=timeout(invocation))


COMMAND = Command(
    run,
    usage="[OPTIONS] [SERVICE...]",
    maximum=None,
    flags=(TIMEOUT, ("no-deps", "", "bool", "Accepted: only the named ones are restarted", "")),
)
