"""Which modules serve which part of the API: the first part of a path names its area."""

from __future__ import annotations

_ROUTES = "wherry.api.routes."

_CONTAINERS = ("records", "lifecycle", "output", "attach", "archive")
_SWARM = (_ROUTES + "swarm",)

AREAS: dict[str, tuple[str, ...]] = {
    "_ping": (_ROUTES + "system",),
    "auth": (_ROUTES + "system",),
    "build": (_ROUTES + "build", _ROUTES + "build_events"),
    "commit": (_ROUTES + "commit",),
    "configs": _SWARM,
    "containers": (*(f"{_ROUTES}containers.{name}" for name in _CONTAINERS), _ROUTES + "exec"),
    "distribution": (_ROUTES + "distribution",),
    "events": (_ROUTES + "events",),
    "exec": (_ROUTES + "exec",),
    "grpc": (_ROUTES + "build",),
    "images": (_ROUTES + "transfer", _ROUTES + "images"),
    "info": (_ROUTES + "system",),
    "networks": (_ROUTES + "networks",),
    "nodes": _SWARM,
    "plugins": (_ROUTES + "plugins",),
    "secrets": _SWARM,
    "services": _SWARM,
    "session": (_ROUTES + "build",),
    "swarm": _SWARM,
    "system": (_ROUTES + "system",),
    "tasks": _SWARM,
    "version": (_ROUTES + "system",),
    "volumes": (_ROUTES + "volumes",),
    "wherry": (_ROUTES + "wherry", _ROUTES + "insight"),
}
