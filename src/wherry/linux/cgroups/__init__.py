"""A container's cgroup, on machines of version 1, version 2 and both.

    cgroup = create("wherry/4f0c…", resources)     # resources: `linux.resources` of the specification
    cgroup.enter()                                 # in the child, before it enters its user namespace
    cgroup.kill(); cgroup.delete()

A path is relative to `home`, the part of the machine's tree that is ours; one that begins with "/" starts at
the top of the hierarchies.
"""

from __future__ import annotations

import os
from typing import Any

from wherry.errors import Conflict, Invalid, NotFound
from wherry.linux.cgroups.cgroup import Cgroup
from wherry.linux.cgroups.hierarchies import Hierarchies, hierarchies
from wherry.linux.cgroups.home import home as _home
from wherry.linux.cgroups.v1 import LegacyCgroup
from wherry.linux.cgroups.v2 import UnifiedCgroup

__all__ = ["Cgroup", "Hierarchies", "create", "hierarchies", "open_existing", "remove_if_empty"]


def create(path: str, resources: dict[str, Any], where: Hierarchies | None = None) -> Cgroup:
    """Make the cgroup `path` with these limits; what can't be honoured is in its `warnings`.

    Blocks for well under a millisecond. Raises Conflict if it exists and has processes, Invalid for a limit
    that the kernel refuses; nothing is left behind then.
    """
    cgroup = _cgroup(path, where or hierarchies())
    try:
        cgroup.create(resources)
    except FileExistsError:
        raise Conflict(f"cgroup {path} is in use by other processes") from None
    return cgroup


def open_existing(path: str, where: Hierarchies | None = None) -> Cgroup:
    """The cgroup `path` that another call or process made. Raises NotFound."""
    cgroup = _cgroup(path, where or hierarchies())
    if not cgroup.find():
        raise NotFound(f"no such cgroup: {path}")
    return cgroup


def remove_if_empty(path: str, where: Hierarchies | None = None) -> None:
    """Remove the cgroup `path` where it has neither processes nor cgroups below: for parents, at the end."""
    cgroup = _cgroup(path, where or hierarchies())
    cgroup.find()
    for directory in cgroup.directories:
        try:
            os.rmdir(directory)
        except OSError:
            continue


def _cgroup(path: str, where: Hierarchies) -> LegacyCgroup | UnifiedCgroup:
    parts = [part for part in _home().place(path).split("/") if part]
    if not parts or "." in parts or ".." in parts:
        raise Invalid(f'invalid cgroup path "{path}"')
    return (UnifiedCgroup if where.version != 1 else LegacyCgroup)("/".join(parts), where)
