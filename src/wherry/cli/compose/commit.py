"""`wherry compose commit`: an image from the changes of a service's container."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation, invoke
from wherry.cli.compose.opened import opened


def run(invocation: Invocation) -> int:
    from wherry.cli.container.commit import COMMAND as COMMIT

    flags = invocation.flags
    service, *name = invocation.arguments
    project = opened(invocation)
    one = project.one(service, flags.number("index"), running=False)
    if project.rehearsed:
        project.say(f"Container {one.name}", "Committed")
        return 0
    words = [f"--pause={str(flags.on('pause', True)).lower()}"]
    words += [f"--{key}={flags.text(key)}" for key in ("author", "message") if flags.given(key)]
    words += [f"--change={text}" for text in flags.every("change")]
    return invoke(COMMIT, "commit", [*words, one.id, *name], invocation.host)


COMMAND = Command(
    run,
    usage="[OPTIONS] SERVICE [REPOSITORY[:TAG]]",
    minimum=1,
    maximum=2,
    flags=(
        ("author", "a", "text:NAME", "Who made it", ""),
        ("change", "c", "list:INSTRUCTION", "Change the configuration, e.g. 'CMD [\"sh\"]'", ""),
        ("index", "", "int", "The container with this number", ""),
        ("message", "m", "text:TEXT", "A message, kept in the image's history", ""),
        ("pause", "p", "bool", "Freeze the container meanwhile (default true)", ""),
    ),
)
