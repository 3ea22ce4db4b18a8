"""The init process: born in the container's namespaces, it builds the root and becomes the program.

Nothing is imported or looked up by name here after the root has changed; from then on every file that is
opened is the container's.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from typing import TYPE_CHECKING, NoReturn

from wherry.linux import loopback, mounts, namespaces, processes, resolve, terminals
from wherry.runtime import become, devices, filesystems, hooks, masks, root, sysctls
from wherry.runtime import channel as messages
from wherry.runtime import descriptors as transfer
from wherry.runtime.failure import from_error

if TYPE_CHECKING:
    from wherry.runtime.launcher import Request
    from wherry.runtime.setup import Stage

# Made as soon as the id maps are there; those of users and pids are there before.
_OWN = namespaces.NEWNS | namespaces.NEWNET | namespaces.NEWIPC | namespaces.NEWUTS | namespaces.NEWCGROUP


def run(request: Request, channel: socket.socket, setup: socket.socket, stage: Stage) -> NoReturn:
    """Be the container's init; ends in its program, or with a failure told to `channel`."""
    try:
        _run(request, channel, setup, stage)
    except BaseException as error:
        messages.tell_failure(become.reporting(channel), from_error(error, stage.now))
    finally:
        os._exit(1)


def _run(request: Request, channel: socket.socket, setup: socket.socket, stage: Stage) -> None:
    plan, process = request.plan, request.process
    assert plan is not None
    forget_imports()
    signals_as_new()
    if plan.makes(namespaces.NEWUSER):
        stage.now = "waiting for the id maps"
        _expect(setup, b"m")
    become.root_of_namespace(plan.uids, plan.gids)
    os.setsid()
    try:
        processes.new_session_keyring()
    except OSError:
        pass  # a kernel without keyrings, or the user's quota of them is used up: there is none to leak then
    stage.now = "creating namespaces"
    namespaces.unshare(plan.new & _OWN)
    if plan.makes(namespaces.NEWNET):
        stage.now = "bringing up the loopback interface"
        loopback.bring_up()
    stage.now = "setting mount propagation"
    mounts.set_propagation("/", mounts.PRIVATE if plan.propagation & mounts.PRIVATE else mounts.SLAVE)
    if plan.makes(namespaces.NEWUTS):
        _name_host(request, stage)
    stage.now = "receiving mounts"
    received = transfer.receive(setup, plan.descriptors() + (1 if devices.by_setup(request) else 0))
    stage.now = "mounting the root file system"
    root_mount = root.attach_layers(plan, received)
    builder = filesystems.Builder(request, root_mount, received, channel, stage)
    builder.attach_all()
    if devices.mount_of(plan) is not None:
        stage.now = "binding devices"
        devices.bind(root_mount, request.spec, made=devices.by_setup(request))
    if hooks.wanted(request.spec, "prestart", "createRuntime"):
        stage.now = "waiting for hooks"
        setup.send(b"h")
        _expect(setup, b"g")
    setup.close()
    if hooks.wanted(request.spec, "createContainer"):
        stage.now = "running a hook"
        hooks.run(request.spec, request.state, os.getpid(), "createContainer")
    stage.now = "setting sysctls"
    sysctls.apply((request.spec.get("linux") or {}).get("sysctl") or {}, builder.proc)
    stage.now = "preparing the security label"
    become.prepare_label(process, builder.proc)
    if builder.proc >= 0:
        os.close(builder.proc)  # before the working directory is entered, as little as can be is open
    if process.terminal:
        stage.now = "opening the terminal"
        open_console(request, channel, root_mount)
    elif request.stdio is not None:
        use_stdio(request.stdio)
    masks.apply(request.spec.get("linux") or {}, root_mount, stage)
    stage.now = "creating the working directory"
    _make_working_directory(root_mount, process.directory)
    stage.now = "changing the root"
    root.finish(plan, root_mount, stage)
    mounts.pivot_to(root_mount)
    os.close(root_mount)
    become.program(request, channel, stage)


def forget_imports() -> None:
    """From here on an import fails, rather than run code out of the container (CVE-2019-14271)."""
    sys.meta_path.clear()
    sys.path.clear()


def signals_as_new() -> None:
    """Undo what the launcher and its interpreter ignore and block, which an exec would hand on."""
    for number in range(1, signal.NSIG):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _expect(setup: socket.socket, letter: bytes) -> None:
    if setup.recv(1) != letter:
        os._exit(1)  # setup failed, and has said so


def _name_host(request: Request, stage: Stage) -> None:
    stage.now = "setting the host name"
    for name, function in (
        (request.spec.get("hostname"), processes.set_host_name),
        (request.spec.get("domainname"), processes.set_domain_name),
    ):
        if name:
            encoded = name.encode()
            function(encoded, len(encoded))


def open_console(request: Request, channel: socket.socket, root_mount: int) -> None:
    process = request.process
    """Make the process's terminal in the container's devpts, and its master known to the launcher."""
    master, peer = terminals.open_pair(root_mount)
    os.fchown(peer, process.uid, -1)
    if process.size != (0, 0):
        terminals.set_size(master, *process.size)
    socket.send_fds(channel, [b"C"], [master])
    os.close(master)
    if request.plan is not None:
        target = resolve.make_file(root_mount, "/dev/console", 0o600)
        tree = mounts.clone_tree("", directory=peer, recursive=False)
        mounts.attach(tree, target)
        os.close(tree)
        os.close(target)
    use_stdio((peer, peer, peer))
    terminals.make_controlling(0)


def use_stdio(descriptors: tuple[int, int, int]) -> None:
    """Make `descriptors` the caller's 0, 1 and 2."""
    # First out of the way: one of them may itself be 0, 1 or 2.
    high = [os.dup(descriptor) for descriptor in descriptors]
    for number, descriptor in enumerate(high):
        os.dup2(descriptor, number)
        os.close(descriptor)


def _make_working_directory(root_mount: int, directory: str) -> None:
    """Make the working directory where it is missing, as Docker does; one that can't be is met by chdir."""
    try:
        os.close(resolve.make_directory(root_mount, directory))
    except OSError:
        pass
