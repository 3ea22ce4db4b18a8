"""`pause`: freeze every process of a container."""

from __future__ import annotations

from wherry.errors import Conflict
from wherry.runtime.command.arguments import Arguments
from wherry.runtime.command.container import Container
from wherry.runtime.command.entry import Context


def run(context: Context, arguments: Arguments) -> int:
    """Return once all are frozen."""
    container = Container.find(context.root, arguments.positional[0])
    if container.status() not in ("running", "created"):
        raise Conflict(f"container not running: {container.status()}")
    cgroup = container.cgroup()
    if cgroup is None:
        raise Conflict(f"{container.name} has no cgroup, and can't be paused")
    cgroup.freeze()
    return 0
