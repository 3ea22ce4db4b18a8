"""Starting a process in a container that runs: join its namespaces, then become the process."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, NoReturn

from wherry.linux import idmaps, mounts, namespaces, processes, resolve
from wherry.runtime import become, birth, init
from wherry.runtime import channel as messages
from wherry.runtime.failure import from_error
from wherry.runtime.setup import Stage, prepare_process

if TYPE_CHECKING:
    from wherry.runtime.launcher import Request

_PROC_ROOT_INODE = 1


def enter(request: Request, channel: socket.socket, pid: int, target: int) -> None:
    """Join the namespaces of `pid`, open as pidfd `target`, and clone the process there."""
    stage = Stage()
    try:
        _enter(request, channel, pid, target, stage)
    except BaseException as error:
        messages.tell_failure(channel, from_error(error, stage.now))
        raise


def _enter(request: Request, channel: socket.socket, pid: int, target: int, stage: Stage) -> None:
    os.umask(0)
    # Others in the container may not look into this copy of the launcher's memory (CVE-2016-9962).
    if os.geteuid() == 0:
        processes.set_dumpable(False)
    stage.now = "joining the container"
    flags = _foreign(pid)
    uids = idmaps.read(f"/proc/{pid}/uid_map") if flags & namespaces.NEWUSER else ()
    gids = idmaps.read(f"/proc/{pid}/gid_map") if flags & namespaces.NEWUSER else ()
    stage.now = "preparing the process"
    prepare_process(request, uids, gids, channel)
    stage.now = "joining the container"
    init.forget_imports()
    pids = flags & namespaces.NEWPID
    cgroup = request.cgroup
    try:
        # A process gets its pid namespace at its birth, the others it joins by itself: from in there its
        # control group may be out of sight.
        if pids:
            namespaces.enter(target, pids)
    except PermissionError:
        # The pid namespace is to be had only together with the user namespace.
        if cgroup is not None:
            cgroup.add(os.getpid())
            cgroup = None
        _join(target, flags)
        flags = pids
    child = birth.clone(namespaces.CLONE_PARENT, cgroup)
    if child == 0:
        _run(request, channel, target, flags & ~pids, (uids, gids), stage)
    messages.tell(channel, b"P", str(child))


def _foreign(pid: int) -> int:
    """The flags of the namespaces of `pid` that are not ours already."""
    flags = 0
    for flag, name in namespaces.KINDS.values():
        try:
            if namespaces.inode(pid, name) != namespaces.inode("self", name):
                flags |= flag
        except FileNotFoundError:
            continue  # a kind that this kernel doesn't have
    return flags


def _join(target: int, flags: int) -> None:
    try:
        namespaces.enter(target, flags)
    except PermissionError:
        # A namespace in it belongs to an outer user namespace: join that one before our rights there go.
        if not flags & namespaces.NEWUSER:
            raise
        namespaces.enter(target, flags & ~namespaces.NEWUSER)
        namespaces.enter(target, namespaces.NEWUSER)


def _run(
    request: Request,
    channel: socket.socket,
    target: int,
    flags: int,
    ids: tuple[idmaps.IdMap, idmaps.IdMap],
    stage: Stage,
) -> NoReturn:
    """Be the process; `flags` are of the namespaces of `target` that are still to be joined."""
    try:
        if flags:
            _join(target, flags)
        stage.now = "setting up"
        init.signals_as_new()
        become.root_of_namespace(*ids)
        os.setsid()
        try:
            processes.new_session_keyring()
        except OSError:
            pass  # as for init
        root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        if request.process.terminal:
            stage.now = "opening the terminal"
            init.open_console(request, channel, root)
        elif request.stdio is not None:
            init.use_stdio(request.stdio)
        stage.now = "preparing the security label"
        become.prepare_label(request.process, _proc(root) if request.process.apparmor else -1)
        become.program(request, channel, stage)
    except BaseException as error:
        messages.tell_failure(channel, from_error(error, stage.now))
    finally:
        os._exit(1)


def _proc(root: int) -> int:
    """The container's procfs, verified to be one and to be its root (CVE-2019-16884)."""
    proc = resolve.open_in(root, "proc", os.O_PATH | os.O_DIRECTORY)
    if mounts.magic(proc) != mounts.PROC_MAGIC or os.fstat(proc).st_ino != _PROC_ROOT_INODE:
        raise OSError(19, "is not a procfs", "/proc")
    return proc
