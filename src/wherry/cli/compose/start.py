"""`wherry compose start`: start containers that are there, in the order of their dependencies."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.compose.opened import opened
from wherry.compose.applying import Applying, Wanted
from wherry.errors import NotFound


def run(invocation: Invocation) -> int:
    project = opened(invocation)
    present = {one.service for one in project.present(invocation.arguments)}
    names = invocation.arguments or sorted(present & set(project.project.services))
    for name in names:
        if name not in present:
            raise NotFound(f'service "{name}" has no container to start')
    loaded = project.project
    scale = {name: sum(one.service == name for one in project.present([name])) for name in names}
    wanted = Wanted(
        services=names, scale=scale, never=True, dependencies=False, wait=invocation.flags.on("wait")
    )
    Applying(project.connections, loaded, wanted, project.say).run()
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS] [SERVICE...]",
    maximum=None,
    flags=(("wait", "", "bool", "Until all is running and healthy", ""),),
)
