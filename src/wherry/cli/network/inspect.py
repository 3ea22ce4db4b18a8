"""`wherry network inspect`: everything that is known of networks."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.format.details import INSPECT_FLAGS, show_details
from wherry.client.api import escape, query


def run(invocation: Invocation) -> int:
    flags = invocation.flags
    verbose = query(verbose=flags.on("verbose"))
    return show_details(
        invocation.arguments,
        lambda name: invocation.client.get(f"/networks/{escape(name)}{verbose}"),
        flags.text("format"),
    )


COMMAND = Command(
    run,
    usage="[OPTIONS] NETWORK [NETWORK...]",
    minimum=1,
    maximum=None,
    flags=(*INSPECT_FLAGS, ("verbose", "v", "bool", "Also what helps to find faults", "")),
)
