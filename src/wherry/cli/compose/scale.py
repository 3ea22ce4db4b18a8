"""`wherry compose scale`: as many containers of a service as are asked for."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.compose.opened import opened
from wherry.cli.compose.up import scales
from wherry.compose.applying import Applying, Wanted


def run(invocation: Invocation) -> int:
    project = opened(invocation)
    scale = scales(invocation.arguments)
    wanted = Wanted(
        services=list(scale),
        scale=scale,
        never=True,
        dependencies=not invocation.flags.on("no-deps"),
    )
    Applying(project.connections, project.project, wanted, project.say).run()
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS] SERVICE=N...",
    minimum=1,
    maximum=None,
    flags=(("no-deps", "", "bool", "Not what the services depend on", ""),),
)
