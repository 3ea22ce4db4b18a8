"""Where in the cgroup tree a container goes (runtime-spec, config-linux.md "Cgroups Path")."""

from __future__ import annotations

import os
from typing import Any

from wherry.errors import Invalid
from wherry.linux import cgroups


def of(spec: dict[str, Any], name: str, *, systemd: bool) -> str:
    """The path below the hierarchies; "" when this user has no cgroups to make and none were asked for."""
    linux = spec.get("linux") or {}
    asked = linux.get("cgroupsPath") or ""
    if cgroups.hierarchies().version == 0 or not _may_make():
        if linux.get("resources") and os.geteuid() == 0:
            raise Invalid("no cgroups are mounted, and the specification sets limits")
        return ""
    if systemd and ":" in asked:
        return _slice(asked)
    if not asked:
        return f"wherry-runtime/{name}"
    return str(asked)


def _may_make() -> bool:
    found = cgroups.hierarchies()
    return all(os.access(place, os.W_OK) for place in [*found.legacy.values(), found.unified] if place)


def _slice(asked: str) -> str:
    """`slice:prefix:name` of systemd as the directory that systemd would make for it."""
    parts = asked.split(":")
    if len(parts) != 3:
        raise Invalid(f"expected cgroupsPath to be of the form slice:prefix:name, got {asked!r}")
    parent, prefix, name = parts
    path, so_far = [], ""
    for part in (parent or "system.slice").removesuffix(".slice").split("-"):
        so_far = f"{so_far}-{part}" if so_far else part
        path.append(f"{so_far}.slice")
    return "/".join([*path, f"{prefix}-{name}.scope" if prefix else f"{name}.scope"])
