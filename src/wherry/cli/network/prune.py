"""`wherry network prune`: remove networks that no container uses."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.pruning import PRUNE_FLAGS, agreed, print_removed, prune


def run(invocation: Invocation) -> int:
    warning = "This will remove all custom networks not used by at least one container."
    if not agreed(invocation, warning):
        return 1
    print_removed("Deleted Networks", prune(invocation, "networks").get("NetworksDeleted") or [])
    return 0


COMMAND = Command(run, usage="[OPTIONS]", flags=PRUNE_FLAGS)
