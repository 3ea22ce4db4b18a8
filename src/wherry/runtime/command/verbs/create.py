"""`create`: make a container, ready to be started."""

from __future__ import annotations

from wherry.errors import Invalid
from wherry.runtime.command import creation
from wherry.runtime.command.arguments import Arguments
from wherry.runtime.command.entry import Context


def run(context: Context, arguments: Arguments) -> int:
    """Return 0 once the container is created; its init stays, waiting for `start`."""
    bundle = arguments.get("bundle", "b") or "."
    terminal = bool((creation.read_spec(bundle).get("process") or {}).get("terminal"))
    if terminal and not arguments.get("console-socket"):
        raise Invalid("cannot allocate tty if runtime will detach without setting console socket")
    if not terminal and arguments.get("console-socket"):
        raise Invalid("cannot use console socket if runtime will not detach or allocate tty")
    creation.create(context, arguments, gate=True)
    return 0
