"""`wherry system prune`: remove everything that is not in use."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.pruning import PRUNE_FLAGS, agreed, print_reclaimed, print_removed, prune, removed_images
from wherry.errors import NotFound, Unsupported


def run(invocation: Invocation) -> int:
    flags = invocation.flags
    every, volumes = flags.on("all"), flags.on("volumes")
    lines = ["This will remove:", "  - all stopped containers"]
    lines.append("  - all networks not used by at least one container")
    if volumes:
        lines.append("  - all anonymous volumes not used by at least one container")
    lines.append(
        "  - all images without at least one container associated to them"
        if every
        else "  - all dangling images"
    )
    if not agreed(invocation, "\n".join(lines) + "\n"):
        return 1
    report = prune(invocation, "containers")
    space = report.get("SpaceReclaimed", 0)
    print_removed("Deleted Containers", report.get("ContainersDeleted") or [])
    try:
        print_removed("Deleted Networks", prune(invocation, "networks").get("NetworksDeleted") or [])
    except (NotFound, Unsupported):
        pass  # an engine without networks has none to remove
    if volumes:
        report = prune(invocation, "volumes")
        space += report.get("SpaceReclaimed", 0)
        print_removed("Deleted Volumes", report.get("VolumesDeleted") or [])
    report = prune(invocation, "images", {"dangling": ["false" if every else "true"]})
    print_removed("Deleted Images", removed_images(report))
    print_reclaimed(space + report.get("SpaceReclaimed", 0))
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS]",
    flags=(
        ("all", "a", "bool", "Also images with a name, when no container uses them", ""),
        ("volumes", "", "bool", "Also unnamed volumes", ""),
        *PRUNE_FLAGS,
    ),
)
