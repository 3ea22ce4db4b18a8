"""`wherry logout`: forget the credentials of a registry."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.client.credentials import HUB, forget


def run(invocation: Invocation) -> int:
    registry = invocation.arguments[0] if invocation.arguments else HUB
    if forget(registry):
        print(f"Removing login credentials for {registry}")
    else:
        print(f"Not logged in to {registry}")
    return 0


COMMAND = Command(run, usage="[REGISTRY]", maximum=1)
