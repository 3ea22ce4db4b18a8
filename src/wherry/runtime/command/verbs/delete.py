"""`delete`: remove what a stopped container leaves."""

from __future__ import annotations

import os
import select
import signal

from wherry.errors import Conflict, NotFound
from wherry.runtime import hooks
from wherry.runtime.command.arguments import Arguments
from wherry.runtime.command.container import Container
from wherry.runtime.command.entry import Context
from wherry.runtime.failure import RuntimeFailure

_PATIENCE = 10.0  # seconds for a killed init to end


def run(context: Context, arguments: Arguments) -> int:
    """Remove the container; one that runs only with --force. With --force an unknown one is no error."""
    force = arguments.has("force", "f")
    try:
        container = Container.find(context.root, arguments.positional[0])
    except NotFound:
        if force:
            return 0
        raise
    status = container.status()
    if status not in ("stopped", "created", "creating") and not force:
        raise Conflict(f"cannot delete container {container.name} that is not stopped: {status}")
    remove(container)
    return 0


def remove(container: Container) -> None:
    """Kill what still runs of it, then remove its cgroup and what is remembered, and run the last hooks."""
    _end(container)
    cgroup = container.cgroup()
    if cgroup is not None:
        cgroup.kill()
        cgroup.delete()
    spec = container.data["spec"]
    if hooks.wanted(spec, "poststop"):
        try:
            hooks.run(spec, container.state(), 0, "poststop", status="stopped")
        except RuntimeFailure:
            pass  # runtime-spec, "Lifecycle": a failing poststop hook doesn't stop the deletion
    container.forget()


def _end(container: Container) -> None:
    if not container.pid or not container.alive():
        return
    try:
        target = os.pidfd_open(container.pid)
    except ProcessLookupError:
        return
    try:
        if container.alive():
            cgroup = container.cgroup()
            signal.pidfd_send_signal(target, signal.SIGKILL)
            if cgroup is not None and cgroup.frozen():
                cgroup.thaw()
            select.select([target], [], [], _PATIENCE)
    except ProcessLookupError:
        pass
    finally:
        os.close(target)
