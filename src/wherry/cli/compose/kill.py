"""`wherry compose kill`: send a signal to containers."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.compose.changing import change, remover
from wherry.cli.compose.opened import opened
from wherry.compose.removing import each


def run(invocation: Invocation) -> int:
    if invocation.flags.on("remove-orphans"):
        project = opened(invocation)
        known = {*project.project.services, *project.project.others}
        orphans = [one for one in project.present() if one.service not in known]
        each(orphans, remover(invocation, volumes=False), ordered=False)
    return change(
        invocation,
        "kill",
        "Killed",
        states=("running", "paused"),
        ordered=False,
        signal=invocation.flags.text("signal", "SIGKILL"),
    )


COMMAND = Command(
    run,
    usage="[OPTIONS] [SERVICE...]",
    maximum=None,
    flags=(
        ("signal", "s", "text:SIGNAL", "Which signal (SIGKILL)", ""),
        ("remove-orphans", "", "bool", "Remove containers of services that are not in the files", ""),
    ),
)
