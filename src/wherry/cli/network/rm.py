"""`wherry network rm`: remove networks."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.several import send_each
from wherry.client.api import escape


def run(invocation: Invocation) -> int:
    return send_each(
        invocation,
        "DELETE",
        lambda name: f"/networks/{escape(name)}",
        shrug_missing=invocation.flags.on("force"),
    )


COMMAND = Command(
    run,
    usage="[OPTIONS] NETWORK [NETWORK...]",
    minimum=1,
    maximum=None,
    flags=(("force", "f", "bool", "Do not mind those that are not there", ""),),
)
