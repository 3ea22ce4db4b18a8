"""`wherry network disconnect`: take a container off a network."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.client.api import escape


def run(invocation: Invocation) -> int:
    network, container = invocation.arguments
    body = {"Container": container, "Force": invocation.flags.on("force")}
    invocation.client.post(f"/networks/{escape(network)}/disconnect", body)
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS] NETWORK CONTAINER",
    minimum=2,
    maximum=2,
    flags=(("force", "f", "bool", "Also when the container is not there any more", ""),),
)
