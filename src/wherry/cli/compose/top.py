"""`wherry compose top`: the processes of a project."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation, invoke
from wherry.cli.compose.opened import opened


def run(invocation: Invocation) -> int:
    from wherry.cli.container.top import COMMAND as TOP

    for one in opened(invocation).present(invocation.arguments):
        if one.state == "running":
            print(one.name, flush=True)
            invoke(TOP, "top", [one.id], invocation.host)
            print()
    return 0


COMMAND = Command(run, usage="[SERVICE...]", maximum=None)
