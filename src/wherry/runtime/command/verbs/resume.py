"""`resume`: let the processes of a paused container go on."""

from __future__ import annotations

from wherry.errors import Conflict
from wherry.runtime.command.arguments import Arguments
from wherry.runtime.command.container import Container
from wherry.runtime.command.entry import Context


def run(context: Context, arguments: Arguments) -> int:
    """Return once they run."""
    container = Container.find(context.root, arguments.positional[0])
    cgroup = container.cgroup()
    if cgroup is None or not cgroup.frozen():
        raise Conflict("container not paused")
    cgroup.thaw()
    return 0
