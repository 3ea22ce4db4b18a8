"""`wherry compose watch`: bring changes of files into the containers, as `develop.watch` says."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.compose.opened import opened
from wherry.compose.applying import Applying, Wanted
from wherry.compose.watching import Watching


def run(invocation: Invocation) -> int:
    project = opened(invocation)
    watching = Watching(project.connections, project.project, invocation.arguments, project.say)
    if not invocation.flags.on("no-up"):
        wanted = Wanted(services=invocation.arguments, build=True)
        Applying(project.connections, project.project, wanted, project.say).run()
    project.say("Watch", "enabled")
    watching.first()
    try:
        watching.run()
    except KeyboardInterrupt:
        return 130
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS] [SERVICE...]",
    maximum=None,
    flags=(
        ("no-up", "", "bool", "Do not build and start the services before", ""),
        ("prune", "", "bool", "Accepted: `wherry image prune` removes images that were replaced", ""),
        ("quiet", "", "bool", "Accepted: building says nothing here", ""),
    ),
    details="Containers go on when it is ended.",
)
