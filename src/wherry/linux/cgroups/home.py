"""Where containers' cgroups may be made: the part of the machine's tree that is ours to divide.

Root on a machine has all of it. Anyone else has what was delegated: of version 2 a subtree that systemd hands
out on request, of version 1 nothing. In version 2 only leaves have processes, so whoever divides a cgroup
first moves out of it into a leaf.

`find` is called once, by the process that will make the containers; it moves that process.
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


def find(*, rootless: bool) -> Home:
    """Look for it, asking systemd if need be (rootless: some 20 ms, else microseconds). Raises nothing."""
    global _found
    if _found is None:
        _found = _find(rootless)
    return _found


def _find(rootless: bool) -> Home:
    where = hierarchies()
    if where.version == 0:
        return Home("", "no cgroup file system is mounted")
    if where.version == 1:
        if any(os.access(top, os.W_OK) for top in where.legacy.values()):
            return Home("")
        return Home("", "cgroups of version 1 can't be delegated to a user")
    if not rootless and os.access(f"{where.unified}/cgroup.procs", os.W_OK):
        # inside a container the top is somebody's cgroup, with processes in it
        if os.path.exists(f"{where.unified}/cgroup.type"):
            _empty(where.unified)
        return Home("")
    try:
        return _delegated(where.unified)
    except OSError as error:
        return Home("", f"the cgroup can't be divided: {error.strerror}")


def _delegated(top: str) -> Home:
    from wherry.linux import systemd  # only here, at a rootless start

    reason = ""
    try:
        systemd.start_scope(f"wherry-{os.getpid()}.scope", os.getpid(), user=True, description="wherry")
        _wait_for(f"wherry-{os.getpid()}.scope")
    except WherryError as error:
        reason = error.message
    path = own_paths().get("", "/").strip("/")
    directory = f"{top}/{path}".rstrip("/")
    if not os.access(f"{directory}/cgroup.subtree_control", os.W_OK) or not os.access(directory, os.W_OK):
        return Home("", reason or "no cgroup was delegated to this user")
    _empty(directory)
    return Home(path)


def _wait_for(name: str) -> None:
    until = time.monotonic() + _MOVED_WITHIN
    while time.monotonic() < until:
        if own_paths().get("", "").endswith(f"/{name}"):
            return
        time.sleep(0.002)


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
