"""`wherry registry gc`: free the space that nothing needs."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.registry.process import STORAGE_FLAGS, become


def run(invocation: Invocation) -> int:
    become("gc", invocation.flags, {"dry_run": invocation.flags.on("dry-run")})


COMMAND = Command(
    run,
    usage="[OPTIONS]",
    flags=(*STORAGE_FLAGS, ("dry-run", "n", "bool", "Only tell what would go", "")),
    details="Safe while the registry serves: what changed within the grace time (1h unless configured) stays",
)
