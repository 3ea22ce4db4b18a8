"""`wherry pause`: freeze all processes of containers."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.several import send_each


def run(invocation: Invocation) -> int:
    return send_each(invocation, "POST", lambda name: f"/containers/{name}/pause")


COMMAND = Command(run, usage="CONTAINER [CONTAINER...]", minimum=1, maximum=None)
