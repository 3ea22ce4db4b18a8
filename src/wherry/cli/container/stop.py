"""`wherry stop`: ask containers to end, and end them by force when they do not."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.several import send_each
from wherry.client.api import query

STOP_FLAGS = (
    ("signal", "s", "text:SIGNAL", "The signal to send first (the container's own, SIGTERM)", ""),
    ("timeout", "t", "int", "Seconds to wait before SIGKILL (10); -1 waits for ever", ""),
    ("time", "", "int", "Older name of --timeout", ""),
)


def stop_query(invocation: Invocation) -> str:
    """The query of a stop or restart."""
    flags = invocation.flags
    wait = None
    for name in ("time", "timeout"):
        if flags.given(name):
            wait = str(flags.number(name))
    return query(signal=flags.text("signal"), t=wait)


def run(invocation: Invocation) -> int:
    options = stop_query(invocation)
    return send_each(invocation, "POST", lambda name: f"/containers/{name}/stop{options}")


COMMAND = Command(
    run,
    usage="[OPTIONS] CONTAINER [CONTAINER...]",
    minimum=1,
    maximum=None,
    flags=STOP_FLAGS,
    examples=(("stop -t 1 web db", "both at once, by force after a second"),),
)
