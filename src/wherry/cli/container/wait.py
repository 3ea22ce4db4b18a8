"""`wherry wait`: wait for containers to stop and print their exit codes."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.several import send_each


def run(invocation: Invocation) -> int:
    return send_each(
        invocation,
        "POST",
        lambda name: f"/containers/{name}/wait",
        report=lambda name, answer: print(answer["StatusCode"], flush=True),
    )


COMMAND = Command(run, usage="CONTAINER [CONTAINER...]", minimum=1, maximum=None)
