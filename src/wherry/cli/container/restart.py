"""`wherry restart`: stop containers and start them again."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.container.stop import STOP_FLAGS, stop_query
from wherry.cli.several import send_each


def run(invocation: Invocation) -> int:
    options = stop_query(invocation)
    return send_each(invocation, "POST", lambda name: f"/containers/{name}/restart{options}")


COMMAND = Command(
    run,
    usage="[OPTIONS] CONTAINER [CONTAINER...]",
    minimum=1,
    maximum=None,
    flags=STOP_FLAGS,
)
