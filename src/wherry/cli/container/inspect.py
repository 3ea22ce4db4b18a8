"""`wherry container inspect`: everything that is known of containers."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.format.details import INSPECT_FLAGS, show_details
from wherry.client.api import query


def run(invocation: Invocation) -> int:
    flags = invocation.flags
    sizes = query(size=flags.on("size"))
    return show_details(
        invocation.arguments,
        lambda name: invocation.client.get(f"/containers/{name}/json{sizes}"),
        flags.text("format"),
    )


COMMAND = Command(
    run,
    usage="[OPTIONS] CONTAINER [CONTAINER...]",
    minimum=1,
    maximum=None,
    flags=(*INSPECT_FLAGS, ("size", "s", "bool", "Also how much disk space it takes", "")),
)
