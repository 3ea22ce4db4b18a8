"""Getting a container's view of its files: by joining a running one, or by mounting the layers of another."""

from __future__ import annotations

import os
from typing import Any

from wherry.linux import mounts, namespaces, pidfd, resolve


def running(pid: int, started: int) -> int:
    """Join the mount (and user) namespace of a running container; a descriptor of its root.

    Raises ProcessLookupError when the process is not the one that is meant any more.
    """
    process = os.pidfd_open(pid)
    try:
        if started and pidfd.start_time(pid) != started:
            raise ProcessLookupError("the container has ended")
        flags = namespaces.NEWNS
        if namespaces.inode(pid, "user") != namespaces.inode("self", "user"):
            flags |= namespaces.NEWUSER
        namespaces.enter(process, flags)
    finally:
        os.close(process)
    if flags & namespaces.NEWUSER:
        _become_root()
    return os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)


def stopped(plan: dict[str, Any], binds: list[dict[str, Any]], place: str) -> int:
    """Mount a root filesystem plan and what is bound into it, seen by this process only; its root.

    `place` is any directory, hidden by the mount. Raises OSError.
    """
    namespaces.unshare(namespaces.NEWNS)
    mounts.set_propagation("/", mounts.PRIVATE)
    layers = [(entry["target"], _layer(entry)) for entry in plan["mounts"]]
    sources = [(bind["target"], _bind(bind)) for bind in binds if os.path.exists(bind["source"])]
    root = -1
    for target, mount in layers:
        if root < 0:
            _attach_at(mount, place)
            root = mount
            continue
        directory = resolve.make_directory(root, target)
        mounts.attach(mount, directory)
        os.close(directory)
        os.close(mount)
    for target, mount in sources:
        is_directory = os.path.isdir(f"/proc/self/fd/{mount}")
        point = resolve.make_directory(root, target) if is_directory else resolve.make_file(root, target)
        mounts.attach(mount, point)
        os.close(point)
        os.close(mount)
    return root


def _layer(entry: dict[str, Any]) -> int:
    if entry["type"] == "bind":
        return mounts.clone_tree(entry["source"], recursive=False)
    overlay = mounts.FileSystem("overlay")
    overlay.set("source", "overlay")
    overlay.flag("userxattr")
    for lower in entry["lower"]:
        overlay.set("lowerdir+", lower)
    overlay.set("upperdir", entry["upper"])
    overlay.set("workdir", entry["work"])
    return overlay.mount(0)


def _bind(bind: dict[str, Any]) -> int:
    if bind.get("subpath"):
        source = os.open(bind["source"], os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        inside = resolve.open_in(source, bind["subpath"])
        tree = mounts.clone_tree("", recursive=True, directory=inside)
        os.close(source)
        os.close(inside)
    else:
        tree = mounts.clone_tree(bind["source"], recursive=True)
    if bind.get("read_only"):
        mounts.set_attributes(tree, on=mounts.RDONLY)
    return tree


def _attach_at(mount: int, place: str) -> None:
    directory = os.open(place, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        mounts.attach(mount, directory)
    finally:
        os.close(directory)


def _become_root() -> None:
    """Root of the namespace that was joined, without the groups from outside."""
    os.setresgid(0, 0, 0)
    try:
        os.setgroups([])
    except PermissionError:
        pass  # a namespace where setgroups is denied: there are none to get rid of
    os.setresuid(0, 0, 0)
