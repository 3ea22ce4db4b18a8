"""The mounts of the specification, made and attached by init, in their order."""

from __future__ import annotations

import errno
import os
import socket
import stat
from typing import TYPE_CHECKING

from wherry.linux import idmaps, mounts, namespaces, resolve
from wherry.runtime import cgroup_mounts, copy_up, devices
from wherry.runtime.failure import RuntimeFailure

if TYPE_CHECKING:
    from wherry.runtime.launcher import Request
    from wherry.runtime.plan import Mount
    from wherry.runtime.setup import Stage


class Builder:
    """Attaches the mounts below `root`; then `proc` is a descriptor of the container's procfs, or -1."""

    def __init__(
        self, request: Request, root: int, received: list[int], channel: socket.socket, stage: Stage
    ) -> None:
        assert request.plan is not None
        self.proc = -1
        self._plan = request.plan
        self._root = root
        self._received = received
        self._channel = channel
        self._stage = stage
        # Setup puts /dev last in its list, so it is the first in the reversed one.
        self._dev = received.pop(0) if devices.by_setup(request) else -1
        self._dev_mount = devices.mount_of(self._plan) if self._dev >= 0 else None

    def attach_all(self) -> None:
        """Make and attach every mount. Raises OSError and RuntimeFailure; `stage` says at which."""
        for mount in self._plan.mounts:
            self._stage.now = f"mounting {mount.target}"
            if mount.kind == "cgroup":
                cgroup_mounts.attach(self._root, mount, own=self._plan.makes(namespaces.NEWCGROUP))
                continue
            tree = self._make(mount)
            self._attach(tree, mount)
            if mount.target.rstrip("/") == "/proc" and mounts.magic(tree) == mounts.PROC_MAGIC:
                self.proc = tree
            else:
                os.close(tree)

    def _attach(self, tree: int, mount: Mount) -> None:
        if stat.S_ISDIR(os.fstat(tree).st_mode):
            target = resolve.make_directory(self._root, mount.target)
        else:
            target = resolve.make_file(self._root, mount.target)
        try:
            if mounts.magic(target) == mounts.PROC_MAGIC and mount.target.rstrip("/") != "/proc":
                self._check_below_proc(target, mount)
            if mount.options.copy_up:
                copy_up.copy(target, tree)
            if target_is_root(self._root, target):
                raise RuntimeFailure(f"a mount at {mount.target} would cover the root")
            mounts.attach(tree, target)
        finally:
            os.close(target)

    def _check_below_proc(self, target: int, mount: Mount) -> None:
        """Only whole files of another procfs (lxcfs) may cover files of /proc (CVE-2019-19921)."""
        if stat.S_ISDIR(os.fstat(target).st_mode) or mount.kind != "bind":
            raise RuntimeFailure(f"a mount at {mount.target} is not allowed: it is inside /proc")

    def _make(self, mount: Mount) -> int:
        if mount.kind == "bind":
            return self._received.pop()
        if mount is self._dev_mount:
            return self._dev
        maker = _MAKERS.get(mount.kind)
        tree = maker(self, mount) if maker else _any(mount)
        if mount.options.propagation:
            mounts.set_attributes(
                tree, propagation=mount.options.propagation, recursive=mount.options.propagation_recursive
            )
        if mount.options.deep_on or mount.options.deep_off:
            mounts.set_attributes(tree, on=mount.options.deep_on, off=mount.options.deep_off, recursive=True)
        return tree

    def _proc(self, mount: Mount) -> int:
        try:
            return _any(mount)
        except OSError as error:
            # The process namespace belongs to someone else, so does its procfs: show the one that is there.
            if error.errno != errno.EPERM or self._plan.makes(namespaces.NEWPID):
                raise
            return self._host_tree("/proc", mount)

    def _sys(self, mount: Mount) -> int:
        try:
            return _any(mount)
        except OSError as error:
            if error.errno != errno.EPERM or self._plan.makes(namespaces.NEWNET):
                raise
            return self._host_tree("/sys", mount)

    def _mqueue(self, mount: Mount) -> int:
        try:
            return _any(mount)
        except OSError as error:
            if error.errno != errno.EPERM or self._plan.makes(namespaces.NEWIPC):
                raise
            return self._host_tree("/dev/mqueue", mount)

    def _host_tree(self, path: str, mount: Mount) -> int:
        tree = mounts.clone_tree(path)
        mounts.set_attributes(tree, propagation=mounts.SLAVE, recursive=True)
        if mount.options.on:
            mounts.set_attributes(tree, on=mount.options.on, recursive=True)
        return tree

    def _devpts(self, mount: Mount) -> int:
        filesystem = mounts.FileSystem("devpts")
        for key, value in mount.options.data:
            # A group that doesn't exist in here can't own terminals (a map of a single id has no group 5).
            if key == "gid" and value and idmaps.to_outside(self._plan.gids, int(value)) is None:
                continue
            filesystem.flag(key) if value is None else filesystem.set(key, value)
        return filesystem.mount(mount.options.on)


def target_is_root(root: int, target: int) -> bool:
    """Whether two descriptors are the same file (a link or `..` led a mount point back to the root)."""
    here, there = os.fstat(root), os.fstat(target)
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)


def _any(mount: Mount) -> int:
    filesystem = mounts.FileSystem(mount.kind)
    if mount.source:
        filesystem.set("source", mount.source)
    for key, value in mount.options.data:
        filesystem.flag(key) if value is None else filesystem.set(key, value)
    return filesystem.mount(mount.options.on)


_MAKERS = {
    "proc": Builder._proc,
    "sysfs": Builder._sys,
    "devpts": Builder._devpts,
    "mqueue": Builder._mqueue,
}
