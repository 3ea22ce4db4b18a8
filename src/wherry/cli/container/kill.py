"""`wherry kill`: send a signal to containers."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.several import send_each
from wherry.client.api import query


def run(invocation: Invocation) -> int:
    options = query(signal=invocation.flags.text("signal"))
    return send_each(invocation, "POST", lambda name: f"/containers/{name}/kill{options}")


COMMAND = Command(
    run,
    usage="[OPTIONS] CONTAINER [CONTAINER...]",
    minimum=1,
    maximum=None,
    flags=(("signal", "s", "text:SIGNAL", "The signal, by name or number (SIGKILL)", ""),),
    examples=(("kill -s HUP web", "make it read its configuration again"),),
)
