"""`wherry container prune`: remove all containers that do not run."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.pruning import PRUNE_FLAGS, agreed, print_reclaimed, print_removed, prune


def run(invocation: Invocation) -> int:
    if not agreed(invocation, "This will remove all stopped containers."):
        return 1
    report = prune(invocation, "containers")
    print_removed("Deleted Containers", report.get("ContainersDeleted") or [])
    print_reclaimed(report.get("SpaceReclaimed", 0))
    return 0


COMMAND = Command(run, usage="[OPTIONS]", flags=PRUNE_FLAGS)
