"""`wherry volume rm`: remove volumes."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.several import send_each
from wherry.client.api import escape, query


def run(invocation: Invocation) -> int:
    force = invocation.flags.on("force")
    options = query(force=force)
    return send_each(
        invocation, "DELETE", lambda name: f"/volumes/{escape(name)}{options}", shrug_missing=force
    )


COMMAND = Command(
    run,
    usage="[OPTIONS] VOLUME [VOLUME...]",
    minimum=1,
    maximum=None,
    flags=(("force", "f", "bool", "Do not mind those that are not there", ""),),
    details="A volume that a container uses is not removed.",
)
