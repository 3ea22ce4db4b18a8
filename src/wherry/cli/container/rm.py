"""`wherry rm`: remove containers."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.several import send_each
from wherry.client.api import query


def run(invocation: Invocation) -> int:
    flags = invocation.flags
    options = query(v=flags.on("volumes"), link=flags.on("link"), force=flags.on("force"))
    return send_each(
        invocation,
        "DELETE",
        lambda name: f"/containers/{name.lstrip('/')}{options}",
        shrug_missing=flags.on("force"),
    )


COMMAND = Command(
    run,
    usage="[OPTIONS] CONTAINER [CONTAINER...]",
    minimum=1,
    maximum=None,
    flags=(
        ("force", "f", "bool", "Remove it even while it runs (SIGKILL)", ""),
        ("volumes", "v", "bool", "Remove its unnamed volumes too", ""),
        ("link", "l", "bool", "Remove the link of this name, not the container", ""),
    ),
    examples=(("rm -f $(wherry ps -aq)", "remove every container"),),
)
