"""`kill`: send a signal to a container's init, or to every process in it."""

from __future__ import annotations

import signal

from wherry.errors import Conflict, Invalid
from wherry.runtime.command.arguments import Arguments
from wherry.runtime.command.container import Container
from wherry.runtime.command.entry import Context


def run(context: Context, arguments: Arguments) -> int:
    """Send the signal (SIGTERM by default). Raises Conflict when the container has stopped."""
    container = Container.find(context.root, arguments.positional[0])
    number = signal_number(arguments.positional[1] if len(arguments.positional) > 1 else "SIGTERM")
    if arguments.has("all", "a"):
        cgroup = container.cgroup()
        if cgroup is None:
            raise Conflict(f"{container.name} has no cgroup to find its processes by")
        cgroup.kill(number)
        return 0
    if container.status() == "stopped":
        raise Conflict("container not running")
    container.signal(number)
    return 0


def signal_number(word: str) -> int:
    """A signal by number or by name, with or without SIG. Raises Invalid."""
    if word.isdecimal() and 0 < int(word) < signal.NSIG:
        return int(word)
    name = word.upper()
    name = name if name.startswith("SIG") else f"SIG{name}"
    found = getattr(signal, name, None)
    if name.startswith("SIG_") or not isinstance(found, signal.Signals):
        raise Invalid(f"unknown signal {word!r}")
    return int(found)
