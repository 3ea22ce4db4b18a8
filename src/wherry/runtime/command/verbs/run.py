"""`run`: create and start, and unless detached stay until the container ends."""

from __future__ import annotations

import os

from wherry.errors import Invalid
from wherry.runtime.command import creation, foreground
from wherry.runtime.command.arguments import Arguments
from wherry.runtime.command.entry import Context
from wherry.runtime.command.verbs import delete


def run(context: Context, arguments: Arguments) -> int:
    """Return the container's exit status, or 0 at once with --detach."""
    detach = arguments.has("detach", "d")
    bundle = arguments.get("bundle", "b") or "."
    terminal = bool((creation.read_spec(bundle).get("process") or {}).get("terminal"))
    if detach and terminal and not arguments.get("console-socket"):
        raise Invalid("cannot allocate tty if runtime will detach without setting console socket")
    container, launch = creation.create(context, arguments, gate=False)
    try:
        launch.start()
        creation.wait(launch)
        creation.started(container)
    except BaseException:
        delete.remove(container)
        raise
    if detach:
        os.close(launch.pidfd)
        return 0
    status = foreground.stay(launch)
    if not arguments.has("keep"):
        delete.remove(container)
    return status
