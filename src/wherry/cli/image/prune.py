"""`wherry image prune`: remove images that nothing uses."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.pruning import PRUNE_FLAGS, agreed, print_reclaimed, print_removed, prune, removed_images


def run(invocation: Invocation) -> int:
    every = invocation.flags.on("all")
    warning = (
        "This will remove all images without at least one container associated to them."
        if every
        else "This will remove all dangling images."
    )
    if not agreed(invocation, warning):
        return 1
    report = prune(invocation, "images", {"dangling": ["false" if every else "true"]})
    print_removed("Deleted Images", removed_images(report))
    print_reclaimed(report.get("SpaceReclaimed", 0))
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS]",
    flags=(("all", "a", "bool", "Also images with a name, when no container uses them", ""), *PRUNE_FLAGS),
)
