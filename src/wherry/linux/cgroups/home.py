"""Where containers' cgroups may be made: the part of the machine's tree that is ours to divide.

Root on a machine has all of it. Anyone else has what was delegated: of version 2 a subtree that systemd hands
out on request, of version 1 nothing. In version 2 only leaves have processes, so whoever divides a cgroup
first moves out of it into a leaf.

`find` is called once, by whoever names the containers' cgroups; it may move the process that makes them.
"""

from __future__ import annotations

import os
import time
from typing import NamedTuple

from wherry.errors import WherryError
from wherry.linux.cgroups import files
from wherry.linux.cgroups.hierarchies import hierarchies, own_paths
from wherry.linux.cgroups.v2 import hand_down

_LEAF = "supervisor"
_MOVED_WITHIN = 3.0  # seconds, after systemd said yes


class Home(NamedTuple):
    """`path` is seen from the top of the hierarchies, "" being the top; `reason` why no limit can be set."""

    path: str
    reason: str = ""

    def place(self, path: str) -> str:
        """Where a cgroup `path` belongs: below this one, or below the top if it begins with "/"."""
        return path.strip("/") if path.startswith("/") else f"{self.path}/{path}".strip("/")


_found: Home | None = None


def home() -> Home:
    """What `find` found in this process, or the top if nobody asked."""
    return _found or Home("")


def find(maker: int) -> Home:
    """Look for it, for the process `maker` that makes the containers. Raises nothing.

    Microseconds for root. Otherwise systemd may be asked to move `maker`, which takes some 20 ms; one that
    was moved before is found to be at home.
    """
    global _found
    if _found is None:
        _found = _find(maker)
    return _found


def _find(maker: int) -> Home:
    where = hierarchies()
    if where.version == 0:
        return Home("", "no cgroup file system is mounted")
    if where.version == 1:
        if any(os.access(top, os.W_OK) for top in where.legacy.values()):
            return Home("")
        return Home("", "cgroups of version 1 can't be delegated to a user")
    if os.access(f"{where.unified}/cgroup.procs", os.W_OK):
        # inside a container the top is somebody's cgroup, with processes in it
        if os.path.exists(f"{where.unified}/cgroup.type"):
            _empty(where.unified)
        return Home("")
    try:
        return _delegated(where.unified, maker)
    except OSError as error:
        return Home("", f"the cgroup can't be divided: {error.strerror}")


def _delegated(top: str, maker: int) -> Home:
    from wherry.linux import systemd  # only here, at a rootless start

    path = _path_of(maker)
    if path.endswith(f"/{_LEAF}") and os.access(f"{top}/{os.path.dirname(path)}/cgroup.procs", os.W_OK):
        return Home(os.path.dirname(path))
    reason = ""
    scope = f"wherry-{maker}.scope"
    try:
        systemd.start_scope(scope, maker, user=True, description="containers of wherry")
        until = time.monotonic() + _MOVED_WITHIN
        while not path.endswith(f"/{scope}") and time.monotonic() < until:
            time.sleep(0.002)
            path = _path_of(maker)
    except WherryError as error:
        reason = error.message
    directory = f"{top}/{path}".rstrip("/")
    if not (os.access(f"{directory}/cgroup.subtree_control", os.W_OK) and os.access(directory, os.W_OK)):
        return Home("", reason or "no cgroup was delegated to this user")
    _empty(directory)
    return Home(path)


def _path_of(pid: int) -> str:
    return own_paths(pid).get("", "/").strip("/")


def _empty(directory: str) -> None:
    """Move its processes into a leaf below, and let its children have its controllers."""
    leaf = f"{directory}/{_LEAF}"
    os.makedirs(leaf, mode=0o755, exist_ok=True)
    for _ in range(20):
        pids = files.read(f"{directory}/cgroup.procs").split()
        if not pids:
            break
        for pid in pids:
            try:
                files.write(f"{leaf}/cgroup.procs", pid)
            except OSError:
                pass  # it ended, or isn't ours to move
    hand_down(directory)
