"""`wherry compose port`: where a port of a service is reachable."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation, invoke
from wherry.cli.compose.opened import opened


def run(invocation: Invocation) -> int:
    from wherry.cli.container.port import COMMAND as PORT

    service, port = invocation.arguments
    one = opened(invocation).one(service, invocation.flags.number("index"))
    protocol = invocation.flags.text("protocol", "tcp")
    return invoke(PORT, "port", [one.id, f"{port}/{protocol}"], invocation.host)


COMMAND = Command(
    run,
    usage="[OPTIONS] SERVICE PRIVATE_PORT",
    minimum=2,
    maximum=2,
    flags=(
        ("index", "", "int", "The container with this number", ""),
        ("protocol", "", "text:NAME", "tcp or udp (tcp)", ""),
    ),
)
