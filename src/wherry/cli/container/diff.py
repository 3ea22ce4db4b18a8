"""`wherry diff`: what a container has changed in its file system."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation

_KINDS = ("C", "A", "D")


def run(invocation: Invocation) -> int:
    changes = invocation.client.get(f"/containers/{invocation.arguments[0]}/changes") or ()
    for change in changes:
        print(_KINDS[change["Kind"]], change["Path"])
    return 0


COMMAND = Command(
    run,
    usage="CONTAINER",
    minimum=1,
    maximum=1,
    details="A line is a path with A (added), C (changed) or D (deleted) before it.",
)
