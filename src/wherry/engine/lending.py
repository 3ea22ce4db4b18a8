"""The API socket, bound into a container: who starts such a container lets what runs in it use the engine.

With an id range of its own the container's root is a stranger to this machine, so the credentials that the
kernel tells of it (unix(7), SO_PEERCRED) say whose container it is. Reapers of test frameworks, build agents
and managers of other containers work this way.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from .idranges import SIZE

if TYPE_CHECKING:
    from .containers.registry import Container


def has_socket(containers: Iterable[Container], uid: int, socket: str) -> bool:
    """Whether `uid` is of a running container that was given `socket` (a path) or a directory above it."""
    for container in containers:
        first = container.condition.id_range
        if container.condition.alive and 0 <= first <= uid < first + SIZE:
            return any(
                mount.kind == "bind" and _leads_to(mount.source, socket) for mount in container.plan.mounts
            )
    return False


def _leads_to(source: str, socket: str) -> bool:
    there, wanted = os.path.realpath(source), os.path.realpath(socket)
    return there == wanted or wanted.startswith(there.rstrip("/") + "/")
