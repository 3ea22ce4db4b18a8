"""`wherry registry check`: read everything, and tell what is damaged."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.registry.process import STORAGE_FLAGS, become


def run(invocation: Invocation) -> int:
    become("check", invocation.flags)


COMMAND = Command(
    run,
    usage="[OPTIONS]",
    flags=STORAGE_FLAGS,
    details="Damaged blobs are not served from then on; pushing the image again mends them."
    " Exit code 1 when something is wrong.",
)
