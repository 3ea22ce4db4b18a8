"""`wherry volume prune`: remove volumes that no container uses."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.pruning import PRUNE_FLAGS, agreed, print_reclaimed, print_removed, prune


def run(invocation: Invocation) -> int:
    every = invocation.flags.on("all")
    kind = "all" if every else "anonymous"
    warning = f"This will remove {kind} local volumes not used by at least one container."
    if not agreed(invocation, warning):
        return 1
    report = prune(invocation, "volumes", {"all": ["true"]} if every else None)
    print_removed("Deleted Volumes", report.get("VolumesDeleted") or [])
    print_reclaimed(report.get("SpaceReclaimed", 0))
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS]",
    flags=(("all", "a", "bool", "Also volumes with a name", ""), *PRUNE_FLAGS),
)
