"""`wherry registry retain`: delete tags by the rules of the configuration."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.registry.process import STORAGE_FLAGS, become


def run(invocation: Invocation) -> int:
    become("retain", invocation.flags, {"dry_run": invocation.flags.on("dry-run")})


COMMAND = Command(
    run,
    usage="[OPTIONS]",
    flags=(*STORAGE_FLAGS, ("dry-run", "n", "bool", "Only tell what would go", "")),
    details="The rules are the [[retention]] tables of the configuration file."
    " `registry gc` frees the space afterwards.",
)
