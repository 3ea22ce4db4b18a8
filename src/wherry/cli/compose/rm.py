"""`wherry compose rm`: remove containers that have stopped."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.compose.changing import remover
from wherry.cli.compose.opened import opened
from wherry.cli.console import confirm
from wherry.compose.removing import each, stop


def run(invocation: Invocation) -> int:
    flags, project = invocation.flags, opened(invocation)
    present = project.present(invocation.arguments)
    if flags.on("stop"):
        each(present, lambda one: stop(project.connections.client, one, None, project.hooks()))
        present = project.present(invocation.arguments)
    present = [one for one in present if one.state in ("exited", "created", "dead")]
    if not present:
        print("No stopped containers")
        return 0
    names = ", ".join(one.name for one in present)
    asks = not flags.on("force") and not project.rehearsed
    if asks and not confirm(f"Going to remove {names}: are you sure?"):
        return 1
    each(present, remover(invocation, volumes=flags.on("volumes")))
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS] [SERVICE...]",
    maximum=None,
    flags=(
        ("force", "f", "bool", "Without asking", ""),
        ("stop", "s", "bool", "Stop them before", ""),
        ("volumes", "v", "bool", "Also their anonymous volumes", ""),
    ),
)
