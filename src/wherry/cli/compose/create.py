"""`wherry compose create`: make containers without starting them."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.compose.opened import opened
from wherry.cli.compose.up import CREATE_FLAGS, wanted
from wherry.compose.applying import Applying


def run(invocation: Invocation) -> int:
    project = opened(invocation)
    asked = wanted(invocation)._replace(start=False)
    Applying(project.connections, project.project, asked, project.say).run()
    return 0


COMMAND = Command(run, usage="[OPTIONS] [SERVICE...]", maximum=None, flags=CREATE_FLAGS)
