"""The root file system: overlay mounts made of layers by descriptor, or a bind of a directory."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from wherry.linux import mounts, resolve
from wherry.runtime.failure import RuntimeFailure

if TYPE_CHECKING:
    from wherry.runtime.plan import Layers, Plan
    from wherry.runtime.setup import Stage

# Directories that nothing needs while a container is set up.
_SPARE = ("/mnt", "/media", "/srv", "/opt", "/home", "/tmp", "/var", "/etc")


def attach_layers(plan: Plan, received: list[int], place: int = -1) -> int:
    """Mount everything of the root in the caller's mount namespace, by descriptor, on the directory `place`.

    By default that is atop the present root. Returns the descriptor of the new root. Takes what it needs from
    the end of `received`.
    """
    if place < 0:
        place = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    root = -1
    for layers in plan.root:
        descriptors = [received.pop() for _ in range(layers.descriptors())]
        if layers.overlay and layers.descriptors() > 1:
            mount = _overlay(layers, descriptors)
        else:
            mount = descriptors.pop()  # a bind, or a single layer without an upper, which overlayfs refuses
            if layers.overlay:
                mounts.set_attributes(mount, on=mounts.RDONLY)
        for descriptor in descriptors:
            os.close(descriptor)
        if root < 0:
            if layers.target != "/":
                raise RuntimeFailure(f"the first mount of the root is at {layers.target}, not at /")
            mounts.attach(mount, place)
            root = mount
            continue
        target = resolve.make_directory(root, layers.target)
        mounts.attach(mount, target)
        os.close(target)
        os.close(mount)
    if root < 0:
        raise RuntimeFailure("the root file system has no mounts")
    os.close(place)
    return root


def finish(plan: Plan, root: int, stage: Stage) -> None:
    """The last changes to the root's mounts: read-only, and their propagation."""
    if plan.propagation & (mounts.SHARED | mounts.UNBINDABLE):
        stage.now = "setting mount propagation"
        kind = plan.propagation & (mounts.SHARED | mounts.UNBINDABLE)
        mounts.set_attributes(root, propagation=kind, recursive=bool(plan.propagation & mounts.MS_REC))
    for entry in plan.mounts:
        if entry.target.rstrip("/") == "/dev" and entry.options.on & mounts.RDONLY:
            # Only now: devices and the console had to be put there first.
            mount = resolve.open_in(root, entry.target)
            mounts.set_attributes(mount, on=mounts.RDONLY)
            os.close(mount)
    if not plan.read_only:
        return
    stage.now = "making the root read-only"
    for layers in plan.root:
        mount = resolve.open_in(root, layers.target)
        mounts.set_attributes(mount, on=mounts.RDONLY)
        os.close(mount)


def _overlay(layers: Layers, descriptors: list[int]) -> int:
    """A detached overlay mount; `descriptors`: the layers, what holds upper and work, then these two."""
    count = len(layers.lower)
    # The kernel takes layers only from mounts of the caller's own namespace: stack them on a directory of the
    # old root, with which they go at once and without a wait for each.
    place = os.open(spare_directory(), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    for descriptor in descriptors[: count + 1]:
        mounts.attach(descriptor, place)
    os.close(place)
    filesystem = mounts.FileSystem("overlay")
    filesystem.set("source", "overlay")
    # The layers' own marks are user.overlay.*, the ones that a user namespace may set and read.
    filesystem.flag("userxattr")
    lower = descriptors[:count]
    upper = descriptors[count + 1 :]
    try:
        for descriptor in lower:
            filesystem.set_fd("lowerdir+", descriptor)
        if upper:
            filesystem.set_fd("upperdir", upper[0])
            filesystem.set_fd("workdir", upper[1])
            if layers.volatile:
                filesystem.flag("volatile")
        return filesystem.mount()
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EBADF, errno.EOPNOTSUPP):
            raise
    if encloses("", lower[-1]):
        return _bottom_alone(layers, lower)
    return _overlay_by_path(lower, upper, volatile=layers.volatile)


def encloses(path: str, directory: int = mounts.AT_FDCWD) -> bool:
    """Whether mounts lie below a directory that a user namespace may not see without them
    (mount_namespaces(7)): overlayfs takes no such directory as a layer. Of a mount of this namespace."""
    try:
        os.close(mounts.clone_tree(path, directory=directory, recursive=False))
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return True
    return False


def _bottom_alone(layers: Layers, lower: list[int]) -> int:
    """What is left of an overlay whose lowest layer overlayfs refuses: that layer, read-only, and what is
    mounted below it (the machine's /usr in Windows' Subsystem for Linux, where drivers are mounted)."""
    if len(lower) > 1:
        raise RuntimeFailure(
            f"something is mounted below {layers.lower[-1]}, so an ordinary user can lay nothing over it",
            hint="run it as root, or use an image of files (wherry import)",
        )
    mounts.unmount(spare_directory())  # what holds upper and work, from above it
    mounts.set_attributes(lower[0], on=mounts.RDONLY, recursive=True)
    return os.dup(lower[0])


def spare_directory(number: int = 0) -> str:
    """One of the directories that nothing needs meanwhile; overlays hang their layers on number 0."""
    found = [path for path in _SPARE if os.path.isdir(path)]
    if len(found) <= number:
        raise RuntimeFailure(f"too few of {', '.join(_SPARE)} exist to hang mounts on")
    return found[number]


def _overlay_by_path(lower: list[int], upper: list[int], *, volatile: bool) -> int:
    """Likewise where overlayfs takes no descriptors (before Linux 6.13)."""
    filesystem = mounts.FileSystem("overlay")
    filesystem.set("source", "overlay")
    filesystem.flag("userxattr")
    try:
        for descriptor in lower:
            filesystem.set("lowerdir+", f"/proc/self/fd/{descriptor}")
        if upper:
            filesystem.set("upperdir", f"/proc/self/fd/{upper[0]}")
            filesystem.set("workdir", f"/proc/self/fd/{upper[1]}")
            if volatile:
                filesystem.flag("volatile")
        return filesystem.mount()
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        try:
            return _overlay_by_page(lower, upper, volatile=volatile)
        except OSError:
            raise error from None  # newer kernels say here what is wrong, mount(2) only EINVAL


def _overlay_by_page(lower: list[int], upper: list[int], *, volatile: bool) -> int:
    """Likewise where overlayfs wants all layers in one value (before Linux 6.5).

    fsconfig(2) holds 255 bytes a value, mount(2) a page: some 220 layers named by descriptor.
    """
    options = "userxattr,lowerdir=" + ":".join(f"/proc/self/fd/{descriptor}" for descriptor in lower)
    if upper:
        options += f",upperdir=/proc/self/fd/{upper[0]},workdir=/proc/self/fd/{upper[1]}"
        options += ",volatile" if volatile else ""
    if len(options) >= os.sysconf("SC_PAGE_SIZE"):
        raise RuntimeFailure(f"{len(lower)} layers are more than this kernel mounts at once (Linux 6.5 can)")
    place = spare_directory()
    mounts.legacy_mount("overlay", place, "overlay", 0, options)
    return mounts.clone_tree(place, recursive=False)
