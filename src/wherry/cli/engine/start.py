"""`wherry engine start`: start this user's engine, if it is not there."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.client.address import chosen_address


def run(invocation: Invocation) -> int:
    address = chosen_address(invocation.host)
    address.connect().close()
    print(f"the engine listens on {address}")
    return 0


COMMAND = Command(
    run,
    details="Every command does this by itself; the engine ends again when nothing runs and nobody asks.",
)
