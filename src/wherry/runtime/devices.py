"""/dev: the standard devices, those of the specification, and the links that programs expect.

Where the runtime may make device nodes, setup makes the whole of /dev as a tmpfs of the initial user
namespace and hands it to init: nodes made there work in every container and belong to whom the specification
says. Where it may not (rootless), init binds the host's nodes into a tmpfs of its own.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any, NamedTuple

from wherry.errors import Invalid
from wherry.linux import capabilities, idmaps, mounts, resolve

if TYPE_CHECKING:
    from wherry.runtime.launcher import Request
    from wherry.runtime.plan import Mount, Plan


class Device(NamedTuple):
    """One device node: `path` absolute in the container, `kind` an S_IF* bit, permissions, ids inside."""

    path: str
    kind: int
    number: int
    mode: int
    uid: int
    gid: int


# runtime-spec, config-linux.md "Default Devices"
_STANDARD = tuple(
    Device(f"/dev/{name}", stat.S_IFCHR, os.makedev(major, minor), 0o666, 0, 0)
    for name, major, minor in (
        ("null", 1, 3),
        ("zero", 1, 5),
        ("full", 1, 7),
        ("random", 1, 8),
        ("urandom", 1, 9),
        ("tty", 5, 0),
    )
)
# The device cgroup's rules for them, and for the terminals of the container's own devpts.
RULES: tuple[dict[str, Any], ...] = tuple(
    {"allow": True, "type": "c", "major": major, "access": "rwm"}
    | ({} if minor is None else {"minor": minor})
    for major, minor in ((1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 1), (5, 2), (136, None))
)
_LINKS = (
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
)
_KINDS = {"c": stat.S_IFCHR, "u": stat.S_IFCHR, "b": stat.S_IFBLK, "p": stat.S_IFIFO}

_may_make: bool | None = None


def listed(spec: dict[str, Any]) -> list[Device]:
    """The standard devices and those of `linux.devices`, which win over a standard one of the same path."""
    wanted = {device.path: device for device in _STANDARD}
    for entry in (spec.get("linux") or {}).get("devices") or ():
        kind = _KINDS.get(entry.get("type", ""))
        if kind is None:
            raise Invalid(f"unknown device type {entry.get('type')!r} of {entry.get('path')!r}")
        mode = entry.get("fileMode")
        device = Device(
            entry["path"],
            kind,
            os.makedev(int(entry.get("major") or 0), int(entry.get("minor") or 0)),
            0o666 if mode is None else int(mode) & 0o7777,
            int(entry.get("uid") or 0),
            int(entry.get("gid") or 0),
        )
        wanted[device.path] = device
    return list(wanted.values())


def mount_of(plan: Plan) -> Mount | None:
    """The specification's mount of /dev; None means that /dev is the image's or a bind, and is left alone."""
    for mount in plan.mounts:
        if mount.target.rstrip("/") == "/dev":
            return mount if mount.kind == "tmpfs" else None
    return None


def may_make() -> bool:
    """Whether this process may make device nodes; asked once, before the fork, for init may not."""
    global _may_make
    if _may_make is None:
        mknod = capabilities.mask(["CAP_MKNOD"])
        with open("/proc/self/uid_map") as file:
            _may_make = file.read().split() == ["0", "0", "4294967295"]
        _may_make = _may_make and capabilities.current().effective & mknod != 0
    return _may_make


def by_setup(request: Request) -> bool:
    """Whether setup makes /dev (else init binds the devices)."""
    return may_make() and request.plan is not None and mount_of(request.plan) is not None


def make_tree(request: Request, userns: int) -> int:
    """A detached tmpfs with the devices and links in it. Needs CAP_MKNOD in the initial user namespace."""
    plan = request.plan
    assert plan is not None
    mount = mount_of(plan)
    assert mount is not None
    filesystem = mounts.FileSystem("tmpfs")
    for key, value in mount.options.data:
        filesystem.flag(key) if value is None else filesystem.set(key, value)
    tree = filesystem.mount(mount.options.on & ~(mounts.RDONLY | mounts.NODEV))
    for device in listed(request.spec):
        if not device.path.startswith("/dev/"):
            continue  # bound by init
        name = device.path[5:]
        directory = tree
        if "/" in name:
            parent, _slash, name = name.rpartition("/")
            directory = resolve.make_directory(tree, parent)
        os.mknod(name, device.kind | device.mode, device.number, dir_fd=directory)
        if device.uid or device.gid:
            os.chown(name, device.uid, device.gid, dir_fd=directory)
    _link(tree)
    for name in ("pts", "shm", "mqueue"):
        os.mkdir(name, 0o755, dir_fd=tree)
    if not plan.is_identity():
        try:
            mounts.set_attributes(tree, userns=userns)
        except OSError:
            _give_away(tree, plan)  # a tmpfs without id maps (before Linux 6.3)
    return tree


def _give_away(directory: int, plan: Plan) -> None:
    """Change every owner from the id inside to the one outside."""
    for name in [*os.listdir(f"/proc/self/fd/{directory}"), "."]:
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
        uid = idmaps.to_outside(plan.uids, status.st_uid)
        gid = idmaps.to_outside(plan.gids, status.st_gid)
        if uid is not None and gid is not None:
            os.chown(name, uid, gid, dir_fd=directory, follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode) and name != ".":
            below = resolve.open_in(directory, name, os.O_PATH | os.O_DIRECTORY)
            _give_away(below, plan)
            os.close(below)


def bind(root: int, spec: dict[str, Any], *, made: bool) -> None:
    """Bind the host's devices into `root`, while its /dev is in sight; all unless setup `made` them."""
    for device in listed(spec):
        if made and device.path.startswith("/dev/"):
            continue
        if device.kind == stat.S_IFIFO:
            _make_fifo(root, device)
            continue
        tree = mounts.clone_tree(device.path, recursive=False, follow=True)
        try:
            if os.fstat(tree).st_rdev != device.number:
                raise OSError(6, "is another device on the host", device.path)
            target = resolve.make_file(root, device.path, 0o666)
            mounts.attach(tree, target)
            os.close(target)
        finally:
            os.close(tree)
    if not made:
        directory = resolve.open_in(root, "dev", os.O_RDONLY | os.O_DIRECTORY)
        _link(directory)
        os.close(directory)


def _make_fifo(root: int, device: Device) -> None:
    parent = resolve.make_directory(root, os.path.dirname(device.path))
    os.mkfifo(os.path.basename(device.path), device.mode, dir_fd=parent)
    os.close(parent)


def _link(directory: int) -> None:
    for name, target in _LINKS:
        try:
            os.symlink(target, name, dir_fd=directory)
        except FileExistsError:
            continue
