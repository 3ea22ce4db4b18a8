"""The setup process: has the launcher's privileges, makes init, and does for it what only they allow."""

from __future__ import annotations

import errno
import os
import resource
import signal
import socket
import stat
from typing import TYPE_CHECKING

from wherry.linux import idmaps, mounts, namespaces, processes, resolve
from wherry.runtime import birth, devices, hooks, init
from wherry.runtime import channel as messages
from wherry.runtime import descriptors as transfer
from wherry.runtime.failure import RuntimeFailure, from_error
from wherry.runtime.root import encloses

if TYPE_CHECKING:
    from wherry.linux.idmaps import IdMap
    from wherry.runtime.launcher import Request
    from wherry.runtime.plan import Layers, Mount, Plan


class Stage:
    """What is being done, for the message when it fails."""

    def __init__(self) -> None:
        self.now = "setting up"


def create(request: Request, channel: socket.socket) -> None:
    """Make the container's init and see it through until it is ready. Runs in a process of its own."""
    stage = Stage()
    try:
        _create(request, channel, stage)
    except BaseException as error:
        messages.tell_failure(channel, from_error(error, stage.now))
        raise


def _create(request: Request, channel: socket.socket, stage: Stage) -> None:
    plan = request.plan
    assert plan is not None
    os.umask(0)
    # Nobody in a namespace that we join may look into this copy of the launcher's memory.
    if os.geteuid() == 0:
        processes.set_dumpable(False)
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    stage.now = "preparing the process"
    prepare_process(request, plan.uids, plan.gids, channel)
    descriptors: list[int] | None = None
    cgroup = request.cgroup
    if plan.joins:
        joins = _open_joins(plan, stage)
        if joins[-1][0] == namespaces.NEWUSER:
            # Past this join the launcher's privileges are gone: first everything that needs them.
            descriptors = _gather(request, joins[-1][1], channel, stage)
            if cgroup is not None:
                stage.now = "joining the control group"
                cgroup.add(os.getpid())
                cgroup = None
        stage.now = "joining namespaces"
        for flag, descriptor in joins:
            namespaces.enter(descriptor, flag)
    if plan.makes(namespaces.NEWTIME):
        stage.now = "creating a time namespace"
        namespaces.unshare(namespaces.NEWTIME)
        _write_time_offsets(request)
    stage.now = "creating namespaces"
    # The other namespaces are made by init, at the same time as the work below.
    flags = namespaces.CLONE_PARENT | plan.new & (namespaces.NEWUSER | namespaces.NEWPID)
    pid = birth.clone(flags, cgroup)
    if pid == 0:
        near.close()
        init.run(request, channel, far, stage)
    messages.tell(channel, b"P", str(pid))
    far.close()
    try:
        if plan.makes(namespaces.NEWUSER):
            stage.now = "writing the user namespace's id maps"
            idmaps.write(pid, plan.uids, plan.gids)
            near.send(b"m")
        if descriptors is None:
            userns = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC) if plan.uids else -1
            descriptors = _gather(request, userns, channel, stage)
        transfer.send(near, descriptors)
        if hooks.wanted(request.spec, "prestart", "createRuntime") and near.recv(1) == b"h":
            stage.now = "running a hook"
            hooks.run(request.spec, request.state, pid, "prestart", "createRuntime")
            near.send(b"g")
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        raise


def prepare_process(request: Request, uids: IdMap, gids: IdMap, channel: socket.socket) -> None:
    """What is inherited over the clone: stdio that its user may reopen, hard limits, the OOM score."""
    process = request.process
    if request.stdio is not None and not process.terminal:
        uid, gid = idmaps.to_outside(uids, process.uid), idmaps.to_outside(gids, process.gid)
        if uid is not None and gid is not None:
            _hand_over(request.stdio, uid, gid)
    for kind, _soft, hard in process.limits:
        soft_now, hard_now = resource.getrlimit(kind)
        if hard_now != resource.RLIM_INFINITY and (hard == resource.RLIM_INFINITY or hard > hard_now):
            try:
                resource.setrlimit(kind, (soft_now, hard))
            except (ValueError, PermissionError, OSError):
                pass  # init meets the same refusal, and says so
    if process.oom_score is not None:
        try:
            with open("/proc/self/oom_score_adj", "w") as file:
                file.write(str(process.oom_score))
        except PermissionError:
            messages.tell(channel, b"W", "the OOM score can't be lowered without CAP_SYS_RESOURCE")


def _hand_over(stdio: tuple[int, int, int], uid: int, gid: int) -> None:
    """Give pipes and sockets to the container's user, who may open them once more as /dev/stdout."""
    for descriptor in stdio:
        status = os.fstat(descriptor)
        kind = stat.S_IFMT(status.st_mode)
        if kind in (stat.S_IFIFO, stat.S_IFSOCK) and (status.st_uid, status.st_gid) != (uid, gid):
            try:
                os.fchown(descriptor, uid, gid)
            except PermissionError:
                pass


def _open_joins(plan: Plan, stage: Stage) -> list[tuple[int, int]]:
    joins = []
    for flag, path in plan.joins:
        stage.now = f"joining the namespace {path}"
        joins.append((flag, os.open(path, os.O_RDONLY | os.O_CLOEXEC)))
    return joins


def _write_time_offsets(request: Request) -> None:
    offsets = (request.spec.get("linux") or {}).get("timeOffsets") or {}
    lines = [
        f"{clock} {entry.get('secs', 0)} {entry.get('nanosecs', 0)}\n" for clock, entry in offsets.items()
    ]
    if lines:
        with open("/proc/self/timens_offsets", "w") as file:
            file.write("".join(lines))


def _gather(request: Request, userns: int, channel: socket.socket, stage: Stage) -> list[int]:
    """Everything of the host that init is to attach, in the order in which it takes it."""
    plan = request.plan
    assert plan is not None
    descriptors: list[int] = []
    for layers in plan.root:
        stage.now = "opening the root file system"
        if layers.upper and layers.target != "/" and encloses(layers.lower[-1]):
            said = (
                f"{layers.target} is read-only: something is mounted below {layers.lower[-1]} of the machine"
            )
            messages.tell(channel, b"W", said)
        descriptors += open_layers(layers, userns)
    for mount in plan.mounts:
        if mount.kind == "bind":
            stage.now = f"opening {mount.source}"
            descriptors.append(open_bind(mount, plan, userns, channel))
    if devices.by_setup(request):
        stage.now = "making /dev"
        descriptors.append(devices.make_tree(request, userns))
    return descriptors


def open_layers(layers: Layers, userns: int) -> list[int]:
    """What init makes `layers` of: detached mounts and directories in them (see `Layers.descriptors`)."""
    if not layers.idmap:
        userns = -1
    if not layers.overlay:
        tree = mounts.clone_tree(layers.lower[0])
        mounts.set_attributes(tree, propagation=mounts.PRIVATE, recursive=True)
        if userns >= 0:
            _map_ids(tree, layers.lower[0], userns)
        return [tree]
    trees = [_layer(path, userns) for path in layers.lower]
    if not layers.upper:
        return trees
    # The upper and the work directory have to be on one mount, so theirs is that of the directory of both.
    parent, upper = os.path.split(layers.upper)
    if os.path.dirname(layers.work) != parent:
        raise RuntimeFailure(f"{layers.upper} and {layers.work} need to be in one directory")
    tree = _layer(parent, userns)
    return [
        *trees,
        tree,
        resolve.open_in(tree, upper, os.O_PATH | os.O_DIRECTORY),
        resolve.open_in(tree, os.path.basename(layers.work), os.O_PATH | os.O_DIRECTORY),
    ]


def _layer(path: str, userns: int) -> int:
    """A detached, private mount of directory `path`."""
    try:
        tree = mounts.clone_tree(path, recursive=False)
    except OSError as error:
        # In a user namespace the mounts below one that came from outside can't be left behind.
        if error.errno != errno.EINVAL:
            raise
        tree = mounts.clone_tree(path)
    mounts.set_attributes(tree, propagation=mounts.PRIVATE, recursive=True)
    if userns >= 0:
        _map_ids(tree, path, userns)
    return tree


def _map_ids(tree: int, path: str, userns: int) -> None:
    try:
        mounts.set_attributes(tree, userns=userns)
    except OSError as error:
        raise RuntimeFailure(
            f"the file system of {path} can't show its files under other ids: {error.strerror}",
            stage="opening the root file system",
            errno=error.errno or 0,
            path=path,
            hint="keep the state directory on ext4, xfs, btrfs or tmpfs, or run with --userns=host",
        ) from None


def open_bind(mount: Mount, plan: Plan, userns: int, channel: socket.socket) -> int:
    """A detached mount of what `mount` binds, with its flags, propagation and owners."""
    options = mount.options
    if options.propagation in (mounts.SHARED, mounts.SLAVE):
        _check_propagation(mount)
    tree = _bound_tree(mount)
    if options.propagation != mounts.SHARED:
        # Private unless asked otherwise, as with every engine (runtime-spec leaves it open).
        mounts.set_attributes(
            tree,
            propagation=options.propagation or mounts.PRIVATE,
            recursive=options.propagation_recursive or not options.propagation,
        )
    if options.idmap and plan.uids and not plan.is_identity():
        try:
            mounts.set_attributes(tree, userns=userns, recursive=options.idmap_recursive)
        except OSError as error:
            said = f"{mount.source} shows other owners inside: its file system has no id-mapped mounts"
            messages.tell(channel, b"W", f"{said} ({(error.strerror or '').lower()})")
    if options.on or options.off:
        mounts.set_attributes(tree, on=options.on, off=options.off)
    if options.deep_on or options.deep_off:
        mounts.set_attributes(tree, on=options.deep_on, off=options.deep_off, recursive=True)
    return tree


def _bound_tree(mount: Mount) -> int:
    recursive = mount.options.recursive
    if not mount.options.subpath:
        return mounts.clone_tree(mount.source, recursive=recursive)
    source = os.open(mount.source, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        inside = resolve.open_in(source, mount.options.subpath)
    finally:
        os.close(source)
    try:
        return mounts.clone_tree("", recursive=recursive, directory=inside)
    finally:
        os.close(inside)


def _check_propagation(mount: Mount) -> None:
    """Refuse a propagation that the source's mount has nothing to do with, in Docker's words."""
    descriptor = os.open(mount.source, os.O_PATH | os.O_CLOEXEC)
    try:
        place, group = mounts.peer_group(descriptor)
    finally:
        os.close(descriptor)
    if mount.options.propagation == mounts.SHARED:
        allowed, what = group == "shared", "a shared"
    else:
        allowed, what = bool(group), "a shared or slave"
    if not allowed:
        raise RuntimeFailure(
            f"path {mount.source} is mounted on {place} but it is not {what} mount",
            stage=f"opening {mount.source}",
            path=mount.source,
        )
