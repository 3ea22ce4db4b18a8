"""`wherry export`: a container's file system as a tar archive."""

from __future__ import annotations

from wherry.cli.archive import write_archive
from wherry.cli.command import Command, Invocation


def run(invocation: Invocation) -> int:
    path = f"/containers/{invocation.arguments[0]}/export"
    write_archive(invocation.client, path, invocation.flags.text("output"))
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS] CONTAINER",
    minimum=1,
    maximum=1,
    flags=(("output", "o", "text:FILE", "Write to this file, not to standard output", ""),),
    examples=(("export web | tar t", "what is in it"),),
)
