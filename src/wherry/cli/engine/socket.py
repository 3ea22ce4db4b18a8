"""`wherry engine socket`: the path of the engine's API socket."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.client.address import chosen_address


def run(invocation: Invocation) -> int:
    address = chosen_address(invocation.host)
    address.connect().close()
    print(address.target if address.scheme == "unix" else str(address))
    return 0


COMMAND = Command(
    run,
    details="The engine is started if it is not there, so that what asks for the path can use it.",
    examples=(("engine socket", "e.g. DOCKER_HOST=unix://$(wherry engine socket) docker ps"),),
)
