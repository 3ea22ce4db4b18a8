"""`wherry builder prune`: remove what the cache of builds holds."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.filters import parse_filters
from wherry.cli.pruning import agreed, print_reclaimed, print_removed
from wherry.client.api import query

_SIZES = ("keep-storage", "reserved-space", "max-used-space", "min-free-space")


def run(invocation: Invocation) -> int:
    flags = invocation.flags
    everything = flags.on("all")
    warning = (
        "This will remove all build cache." if everything else "This will remove all dangling build cache."
    )
    if not agreed(invocation, warning):
        return 1
    options = query(
        all=everything,
        filters=parse_filters(flags.every("filter")),
        **{name: flags.size(name) or None for name in _SIZES},
    )
    report = invocation.client.post(f"/build/prune{options}") or {}
    print_removed("Deleted build cache objects", report.get("CachesDeleted") or [])
    print_reclaimed(report.get("SpaceReclaimed", 0))
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS]",
    flags=(
        ("all", "a", "bool", "Also steps whose layers an image has", ""),
        ("reserved-space", "", "size:BYTES", "Keep the most recently used, up to this size", ""),
        ("keep-storage", "", "size:BYTES", "The older name of --reserved-space", ""),
        ("max-used-space", "", "size:BYTES", "Remove the least recently used, down to this size", ""),
        ("min-free-space", "", "size:BYTES", "Remove until this much of the disk is free", ""),
        ("force", "f", "bool", "Do not ask", ""),
        ("filter", "", "list:NAME=VALUE", "Only some: until=24h, type=, id=, description=, shared=", ""),
    ),
)
