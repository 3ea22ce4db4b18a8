"""`wherry engine stop`: end the engine. What runs in containers goes on."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.engine.stopping import end_engine
from wherry.client.address import chosen_address
from wherry.errors import Unsupported


def run(invocation: Invocation) -> int:
    address = chosen_address(invocation.host)
    if not address.own:
        raise Unsupported(
            f"the engine at {address} is not this user's own", hint="stop it where it was started"
        )
    print("stopped" if end_engine(address.target) else "no engine is running")
    return 0


COMMAND = Command(
    run,
    details="Containers go on running; the next command starts an engine that finds them again.",
)
