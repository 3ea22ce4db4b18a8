"""Where this machine's cgroup hierarchies are (cgroups(7)).

Three kinds of machine: *unified* (one version 2 tree with all controllers), *legacy* (a version 1 tree per
controller), and *hybrid* (legacy, with a version 2 tree beside it that has no controllers but still kills,
freezes, lists and counts CPU time better than version 1 does).
"""

from __future__ import annotations

from typing import NamedTuple

from wherry.linux.cgroups.files import read, read_or

# `perf_event` and the like have no limits: nothing to make a cgroup for
LEGACY = (
    "memory",
    "pids",
    "cpu",
    "cpuacct",
    "cpuset",
    "blkio",
    "devices",
    "freezer",
    "hugetlb",
    "net_cls",
    "net_prio",
    "rdma",
)


class Hierarchies(NamedTuple):
    """Mount points. `unified` is "" where there is no version 2 tree."""

    unified: str
    legacy: dict[str, str]  # controller → mount point; joint ones share theirs
    controllers: frozenset[str]  # those of the version 2 tree

    @property
    def version(self) -> int:
        """2 if limits are set in the version 2 tree, 1 if in version 1 trees, 0 without cgroups."""
        if self.legacy:
            return 1
        return 2 if self.unified else 0


_found: Hierarchies | None = None


def hierarchies() -> Hierarchies:
    """This machine's, looked up once in a process."""
    global _found
    if _found is None:
        _found = parse(read_or("/proc/self/mountinfo"))
    return _found


def parse(mountinfo: str) -> Hierarchies:
    """From the text of /proc/PID/mountinfo (proc_pid_mountinfo(5)); the first mount of a hierarchy counts."""
    unified = ""
    legacy: dict[str, str] = {}
    for line in mountinfo.splitlines():
        if " - cgroup" not in line:
            continue
        before, _, after = line.partition(" - ")
        fields, kind = before.split(" "), after.split(" ")
        if len(fields) < 6 or len(kind) < 3 or fields[3] not in ("/", "/.."):
            continue
        place = fields[4].replace("\\040", " ")
        if kind[0] == "cgroup2":
            unified = unified or place
        elif kind[0] == "cgroup":
            for controller in kind[2].split(","):
                if controller in LEGACY:
                    legacy.setdefault(controller, place)
    controllers = read_or(f"{unified}/cgroup.controllers").split() if unified else []
    return Hierarchies(unified, legacy, frozenset(controllers))


def own_paths(pid: int | str = "self") -> dict[str, str]:
    """Where a process is: controller → path below the mount point; "" is the version 2 tree."""
    paths: dict[str, str] = {}
    for line in read(f"/proc/{pid}/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            paths[controller] = path
    return paths
