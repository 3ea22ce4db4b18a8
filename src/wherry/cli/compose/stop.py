"""`wherry compose stop`: stop containers."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.compose.changing import TIMEOUT
from wherry.cli.compose.opened import opened
from wherry.compose.present import Present
from wherry.compose.removing import each, stop


def run(invocation: Invocation) -> int:
    flags, project = invocation.flags, opened(invocation)
    hooks = project.hooks()
    timeout = flags.number("timeout") if flags.given("timeout") else None
    running = [
        one
        for one in project.present(invocation.arguments)
        if one.state in ("running", "paused", "restarting")
    ]

    def end(one: Present) -> None:
        stop(project.connections.client, one, timeout, hooks)
        project.say(f"Container {one.name}", "Stopped")

    each(running, end)
    return 0


COMMAND = Command(run, usage="[OPTIONS] [SERVICE...]", maximum=None, flags=(TIMEOUT,))
