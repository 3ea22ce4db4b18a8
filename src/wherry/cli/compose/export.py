"""`wherry compose export`: the file system of a service's container as a tar archive."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation, invoke
from wherry.cli.compose.opened import opened


def run(invocation: Invocation) -> int:
    from wherry.cli.container.export import COMMAND as EXPORT

    flags = invocation.flags
    project = opened(invocation)
    one = project.one(invocation.arguments[0], flags.number("index"), running=False)
    if project.rehearsed:
        project.say(f"Container {one.name}", "Exported")
        return 0
    words = [f"--output={flags.text('output')}"] if flags.given("output") else []
    return invoke(EXPORT, "export", [*words, one.id], invocation.host)


COMMAND = Command(
    run,
    usage="[OPTIONS] SERVICE",
    minimum=1,
    maximum=1,
    flags=(
        ("index", "", "int", "The container with this number", ""),
        ("output", "o", "text:FILE", "Write to this file, not to standard output", ""),
    ),
)
