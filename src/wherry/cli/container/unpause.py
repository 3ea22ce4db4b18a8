"""`wherry unpause`: let frozen containers go on."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.several import send_each


def run(invocation: Invocation) -> int:
    return send_each(invocation, "POST", lambda name: f"/containers/{name}/unpause")


COMMAND = Command(run, usage="CONTAINER [CONTAINER...]", minimum=1, maximum=None)
