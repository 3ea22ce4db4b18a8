"""From a process of ours to the container's: user, limits, privileges, and at last its program."""

from __future__ import annotations

import os
import resource
import socket
from typing import TYPE_CHECKING

from wherry.linux import capabilities, idmaps, processes, resolve, seccomp
from wherry.linux.idmaps import IdMap
from wherry.runtime import channel as messages
from wherry.runtime import home, hooks, tiny_init
from wherry.runtime import program as programs
from wherry.runtime.failure import NOT_EXECUTABLE, RuntimeFailure

if TYPE_CHECKING:
    from wherry.runtime.launcher import Request
    from wherry.runtime.process_plan import ProcessPlan
    from wherry.runtime.setup import Stage

_channel: socket.socket | None = None
_label = -1
_ALL_PERMITTED = capabilities.Sets(0, 2**64 - 1, 2**64 - 1, 0, 0)
_LABEL_FILES = ("self/attr/apparmor/exec", "self/attr/exec")


def reporting(channel: socket.socket) -> socket.socket:
    """Where a failure is to be told: `channel`, or who asked to start a container whose launcher is gone."""
    return _channel or channel


def root_of_namespace(uids: IdMap, gids: IdMap) -> None:
    """Be user and group 0 of the user namespace that the caller has just entered, if there are such."""
    if idmaps.to_outside(gids, 0) is not None:
        try:
            os.setgroups(())
        except PermissionError:
            pass  # a map of a single id came with setgroups denied
        os.setresgid(0, 0, 0)
    if idmaps.to_outside(uids, 0) is not None:
        os.setresuid(0, 0, 0)


def prepare_label(process: ProcessPlan, proc: int) -> None:
    """Open the file that takes the AppArmor profile for the next exec, on the verified procfs."""
    global _label
    if not process.apparmor:
        return
    if proc < 0:
        raise RuntimeFailure("an AppArmor profile needs a procfs mounted at /proc")
    how = resolve.BENEATH | resolve.NO_XDEV
    for path in _LABEL_FILES:
        try:
            _label = resolve.open_in(proc, path, os.O_WRONLY, how=how)
            return
        except FileNotFoundError:
            continue
    raise RuntimeFailure("this kernel has no AppArmor, and the container asks for a profile")


def program(request: Request, channel: socket.socket, stage: Stage) -> None:
    """Become the user, report readiness, wait for the word, execute. Returns only by raising."""
    process = request.process
    stage.now = "setting resource limits"
    _set_limits(process)
    if process.io_priority is not None:
        stage.now = "setting the I/O priority"
        processes.set_io_priority(process.io_priority)
    if process.nice is not None:
        stage.now = "setting the nice value"
        os.setpriority(os.PRIO_PROCESS, 0, process.nice)
    _change_user(process, stage)
    stage.now = f"changing to the working directory {process.directory}"
    _change_directory(process.directory)
    stage.now = "completing the environment"
    environment = home.complete(process.environment, process.uid)
    stage.now = "finding the program"
    path = programs.look_up(os.fsdecode(process.arguments[0]), process.search_path)
    messages.tell(channel, b"R")
    answer = _wait(request, channel)
    if hooks.wanted(request.spec, "startContainer"):
        stage.now = "running a hook"
        hooks.run(request.spec, request.state, os.getpid(), "startContainer", status="created")
    _confine_and_execute(request, path, environment, answer, stage)


def _set_limits(process: ProcessPlan) -> None:
    for kind, soft, hard in process.limits:
        try:
            resource.setrlimit(kind, (soft, hard))
        except (ValueError, OSError) as error:
            raise RuntimeFailure(
                f"error setting rlimit type {kind}: {error}",
                stage="setting resource limits",
                hint="raising a hard limit needs CAP_SYS_RESOURCE outside the container",
            ) from None


def _change_user(process: ProcessPlan, stage: Stage) -> None:
    stage.now = "dropping capabilities"
    capabilities.drop_bounding(process.capabilities.bounding)
    capabilities.keep_over_setuid(True)
    stage.now = f"changing to user {process.uid}, group {process.gid}"
    try:
        os.setgroups(process.groups)
    except PermissionError:
        if process.groups:
            raise RuntimeFailure(
                "additional groups can't be given in a user namespace of a single id", stage=stage.now
            ) from None
    os.setresgid(process.gid, process.gid, process.gid)
    os.setresuid(process.uid, process.uid, process.uid)
    os.umask(process.umask)


def _change_directory(path: str) -> None:
    os.chdir(path)
    try:
        inside = os.getcwd().startswith("/")
    except FileNotFoundError:
        inside = False
    # A directory outside the root shows as "(unreachable)/…", or getcwd fails (CVE-2024-21626).
    if not inside:
        raise RuntimeFailure(
            f"the working directory {path} is outside of the container's root",
            stage="checking the working directory",
            path=path,
            exit_code=NOT_EXECUTABLE,
        )


def _wait(request: Request, channel: socket.socket) -> socket.socket:
    """Wait for the word to execute; what is returned is where the rest is told."""
    global _channel
    if request.gate < 0:
        if channel.recv(1) != b"s":
            os._exit(1)
        return channel
    channel.close()
    gate = socket.socket(fileno=request.gate)
    answer, _address = gate.accept()
    gate.close()
    _channel = answer
    if answer.recv(1) != b"s":
        os._exit(1)
    return answer


def _confine_and_execute(
    request: Request, path: str, environment: tuple[bytes, ...], answer: socket.socket, stage: Stage
) -> None:
    process = request.process
    arguments = process.arguments
    if _label >= 0:
        stage.now = f"setting the AppArmor profile {process.apparmor}"
        os.write(_label, f"exec {process.apparmor}".encode())
    stage.now = "preparing to execute"
    processes.close_on_exec_from(3 + request.keep)
    for descriptor in range(3, 3 + request.keep):
        os.set_inheritable(descriptor, True)
    filtered = process.seccomp
    if filtered is not None and not process.no_new_privileges:
        # Without no_new_privs a filter needs CAP_SYS_ADMIN, which may be about to go.
        stage.now = "installing the seccomp filter"
        capabilities.apply(_ALL_PERMITTED)
        seccomp.install(filtered)
        filtered = None
    stage.now = "setting capabilities"
    capabilities.apply(process.capabilities)
    if process.no_new_privileges:
        processes.set_no_new_privileges()
    messages.tell(answer, b"X")
    if filtered is not None:
        stage.now = "installing the seccomp filter"
        seccomp.install(filtered)
    try:
        if request.init >= 0:
            words = (tiny_init.NAME, os.fsencode(path), *arguments)
            processes.execute_descriptor(request.init, words, environment)
        processes.execute(os.fsencode(path), arguments, environment)
    except OSError as error:
        raise programs.refused(path, error) from None
