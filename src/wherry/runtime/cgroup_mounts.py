"""/sys/fs/cgroup: the unified hierarchy, or one mount for each of the older ones."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, NamedTuple

from wherry.linux import mounts, resolve
from wherry.linux.cgroups.hierarchies import own_paths

if TYPE_CHECKING:
    from wherry.runtime.plan import Mount


class Hierarchy(NamedTuple):
    """One mounted hierarchy: its mount point, which of its groups is seen there ("/" is all), "cgroup" or
    "cgroup2", its super options."""

    path: str
    root: str
    kind: str
    options: str


# What language runtimes want to find mounted before they believe in any limit (OpenJDK, of version 1).
_LOOKED_FOR = frozenset(("cpu", "cpuacct", "cpu,cpuacct", "cpuset", "memory"))

_found: list[Hierarchy] | None = None


def hierarchies() -> list[Hierarchy]:
    """The hierarchies below /sys/fs/cgroup, read once per process (they are set up at boot)."""
    global _found
    if _found is None:
        _found = []
        with open("/proc/self/mountinfo") as file:
            for line in file:
                left, _dash, right = line.partition(" - ")
                kind, _source, options = right.split(" ", 2)
                root, path = left.split(" ")[3:5]
                if kind in ("cgroup", "cgroup2") and path.startswith("/sys/fs/cgroup"):
                    _found.append(Hierarchy(path, root, kind, options.strip()))
    return _found


def _own_path(hierarchy: Hierarchy) -> str:
    """Where this process's group is below the mount point. In a container without a cgroup namespace only a
    part of the hierarchy is mounted, and the kernel still names groups from the top."""
    if hierarchy.kind == "cgroup2":
        return ""
    paths = own_paths()
    for option in hierarchy.options.split(","):
        if option in paths:
            path, above = paths[option], hierarchy.root.rstrip("/")
            return path.removeprefix(above) if f"{path}/".startswith(f"{above}/") else ""
    return ""


def attach(root: int, mount: Mount, *, own: bool) -> None:
    """Mount the cgroup file systems at `mount.target`; `own` says that the cgroup namespace is new.

    Then a hierarchy in which the container has no group of its own is left out: it would show the names and
    the use of all others.
    """
    found = hierarchies()
    target = resolve.make_directory(root, mount.target)
    if len(found) == 1 and found[0].kind == "cgroup2":
        tree = _make(found[0], mount.options.on, own)
        mounts.attach(tree, target)
        os.close(tree)
        os.close(target)
        return
    base = mounts.new("tmpfs", {"mode": "755", "size": "64k"}, mount.options.on & ~mounts.RDONLY)
    mounts.attach(base, target)
    os.close(target)
    for hierarchy in found:
        name = os.path.basename(hierarchy.path)
        tree = _make(hierarchy, mount.options.on, own)
        if own and name not in _LOOKED_FOR and _is_whole(hierarchy, tree):
            os.close(tree)
            continue
        os.mkdir(name, dir_fd=base)
        mounts.attach(tree, base, name)  # by name: nobody but us is in this new tmpfs
        os.close(tree)
        for controller in name.split(","):
            if controller != name:
                os.symlink(name, controller, dir_fd=base)
    if mount.options.on & mounts.RDONLY:
        mounts.set_attributes(base, on=mounts.RDONLY)
    os.close(base)


def _is_whole(hierarchy: Hierarchy, tree: int) -> bool:
    """Whether `tree` begins at the hierarchy's very top (only there is an agent, of version 2 no events)."""
    file, at_top = ("release_agent", True) if hierarchy.kind == "cgroup" else ("cgroup.events", False)
    try:
        os.stat(file, dir_fd=tree)
    except FileNotFoundError:
        return not at_top
    return at_top


def _make(hierarchy: Hierarchy, attributes: int, own: bool) -> int:
    if own:
        filesystem = mounts.FileSystem(hierarchy.kind)
        try:
            if hierarchy.kind == "cgroup":
                for option in hierarchy.options.split(","):
                    key, equals, value = option.partition("=")
                    if equals and key == "name":
                        filesystem.set("name", value)
                    elif not equals and key not in ("rw", "ro", "xattr", "clone_children", "noprefix"):
                        filesystem.flag(key)
            return filesystem.mount(attributes)
        except OSError as error:
            filesystem.close()
            if error.errno not in (errno.EPERM, errno.EBUSY):
                raise
    # The hierarchy is someone else's: the container reads what is mounted here, of version 1 its own part,
    # and writes at the most to a group of its own (`--privileged`).
    path = _own_path(hierarchy)
    tree = mounts.clone_tree(hierarchy.path + path, recursive=False)
    mounts.set_attributes(tree, propagation=mounts.PRIVATE)
    writable = not own and path.strip("/")
    mounts.set_attributes(tree, on=attributes if writable else attributes | mounts.RDONLY)
    return tree
