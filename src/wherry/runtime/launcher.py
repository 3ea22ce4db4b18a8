"""Launching: the caller's side. `launch` and `launch_exec` return at once; what they return is polled.

    launcher ──fork──▶ setup ──clone(CLONE_PARENT)──▶ init        init is the launcher's own child
       ▲                 │ maps, idmapped mounts, cgroup ─▶ │
       └──── channel ────┴──────────────────────────────────┘

`setup` has the launcher's privileges and does what needs them; `init` is born in its new namespaces, builds
its root, gives up what it must not keep, reports that it is ready, and waits for the word to execute.
"""

from __future__ import annotations

import errno
import gc
import os
import signal
import socket
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from wherry.linux import idmaps, interpreter, processes
from wherry.linux.cgroups.doors import Doors
from wherry.runtime import cgroup_mounts, devices, entering, process_plan, setup, tiny_init
from wherry.runtime import channel as messages
from wherry.runtime import plan as plans
from wherry.runtime.annotations import INIT_ANNOTATION
from wherry.runtime.failure import RuntimeFailure, unpack

_PATIENCE = 5.0  # seconds for setup to do what it does at once unless it was stopped


class Cgroup(Protocol):
    """What is asked of a control group here."""

    def doors(self) -> Doors: ...
    def add(self, pid: int) -> object: ...


class Launch:
    """A container, or a process in one, on its way. Not thread-safe; blocks only where it says so.

    Life: poll `fileno()` for reading and call `advance()` until it returns True (created); then `start()`,
    and again until True (executing). `advance` raises RuntimeFailure when it failed, with every process of it
    reaped. The pid is a child of the caller's, who reaps it once created. `console` and `pidfd` belong to the
    caller, who closes them; `close` gives the rest up and is done by itself at the end.
    """

    def __init__(self, setup_pid: int, channel: socket.socket) -> None:
        self.pid = 0
        self.pidfd = -1
        self.console: int | None = None
        self.warnings: list[str] = []
        self.created = False
        self.executing = False
        self._about_to_execute = False
        self._setup_pid = setup_pid
        self._channel = channel

    def fileno(self) -> int:
        """The descriptor to poll for reading."""
        return self._channel.fileno()

    def advance(self) -> bool:
        """Take in what there is; True when the state asked for is reached. Raises RuntimeFailure."""
        while True:
            try:
                message, descriptors, _flags, _address = socket.recv_fds(self._channel, messages.SIZE, 1)
            except BlockingIOError:
                return False
            except ConnectionResetError:
                message, descriptors = b"", []
            letter, text = message[:1], message[1:]
            if letter == b"R":
                self.created = True
                self._reap_setup()
                if self.pid:
                    return True
                # The process was quicker than setup, whose message about it comes next.
            elif letter == b"P":
                self.pid = int(text)
                self.pidfd = os.pidfd_open(self.pid)
                if self.created:
                    return True
            elif letter == b"C":
                self.console = descriptors[0]
                os.set_inheritable(self.console, False)
            elif letter == b"W":
                self.warnings.append(text.decode(errors="replace"))
            elif letter == b"X":
                self._about_to_execute = True
            elif letter == b"E":
                raise self._failed(unpack(text))
            elif self._about_to_execute:
                self.executing = True
                self.close()
                return True
            else:
                raise self._failed(self._vanished())

    def start(self) -> None:
        """Let init execute its program."""
        try:
            self._channel.send(b"s")
        except OSError:
            pass  # init is gone; `advance` finds out why

    def abort(self) -> None:
        """Kill and reap whatever there is of it. Blocks for as long as the kernel takes to end a process."""
        if self._setup_pid:
            os.kill(self._setup_pid, signal.SIGKILL)
            self._reap_setup()
        self._learn_pid()  # setup may have told it by now, though nobody asked
        if self.pid:
            try:
                os.kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self._reap(self.pid)
        for descriptor in (self.pidfd, self.console):
            if descriptor is not None and descriptor >= 0:
                os.close(descriptor)
        self.pidfd, self.console = -1, None
        self.close()

    def close(self) -> None:
        """Close the channel; an init that still waits ends."""
        self._channel.close()

    def _failed(self, failure: RuntimeFailure) -> RuntimeFailure:
        if self._setup_pid and not self.pid:
            # The process failed before setup could tell its pid: without that it would stay a zombie, and so
            # would keep the init of its container from ending. Setup says it next, or is at its end as well.
            self._channel.settimeout(_PATIENCE)
            self._learn_pid()
        self.abort()
        return failure

    def _learn_pid(self) -> None:
        while not self.pid:
            try:
                message = self._channel.recv(messages.SIZE)
            except OSError:
                return
            if message[:1] == b"P":
                self.pid = int(message[1:])
            elif not message:
                return

    def _vanished(self) -> RuntimeFailure:
        how = "ended"
        if self.pid:
            try:
                _pid, status = os.waitpid(self.pid, 0)
                self.pid = 0
                if os.WIFSIGNALED(status):
                    how = f"was killed by signal {os.WTERMSIG(status)}"
            except ChildProcessError:
                pass
        return RuntimeFailure(
            f"the container's init {how} before it could execute the program",
            stage="setting up",
            hint="a memory limit too small for the set-up ends it with signal 9",
        )

    def _reap_setup(self) -> None:
        if self._setup_pid:
            self._reap(self._setup_pid)
            self._setup_pid = 0

    @staticmethod
    def _reap(pid: int) -> None:
        try:
            os.waitpid(pid, 0)
        except ChildProcessError:
            pass  # the caller's own reaper was quicker


class Request(NamedTuple):
    """What `setup` and `init` are told: everything, decoded, before the fork."""

    plan: plans.Plan | None
    process: process_plan.ProcessPlan
    spec: dict[str, Any]
    stdio: tuple[int, int, int] | None
    cgroup: Cgroup | None
    gate: int
    """Descriptor of a listening socket that init takes the word to start from, or -1: the channel."""
    keep: int
    """How many descriptors from 3 on the program inherits."""
    init: int
    """Descriptor of a program to execute as process 1, which starts the container's own; or -1."""
    state: dict[str, Any]
    """The container's state as hooks get it; `pid` and `status` are filled in."""


def launch(
    spec: dict[str, Any],
    *,
    rootfs: dict[str, Any],
    stdio: tuple[int, int, int] | None = None,
    cgroup: Cgroup | None = None,
    gate: int = -1,
    keep: int = 0,
    state: dict[str, Any] | None = None,
) -> Launch:
    """Begin to create the container of OCI runtime `spec` on the mounts `rootfs`.

    The specification's annotation `wherry.init` ("true") asks for our init as process 1 (`run --init`).

    `stdio` are its standard descriptors (None: the caller's own; with process.terminal they are ignored),
    which stay the caller's to close. `cgroup` is what init is put in. Raises Invalid or Unsupported at once
    for a specification that can't be carried out; everything later comes from `Launch.advance`.
    """
    plan = plans.of(spec, rootfs)
    process = process_plan.of(spec["process"], spec.get("linux") or {})
    _check_interpreter(plan.uids)
    # What is asked once and kept, before the fork throws it away.
    devices.may_make()
    cgroup_mounts.hierarchies()
    idmaps.own("uid_map")
    idmaps.own("gid_map")
    wanted = (spec.get("annotations") or {}).get(INIT_ANNOTATION) == "true"
    init = tiny_init.descriptor() if wanted else -1
    request = Request(plan, process, spec, stdio, cgroup, gate, keep, init, state or {})
    return _fork(setup.create, request)


def _check_interpreter(uids: idmaps.IdMap) -> None:
    """Refuse to run what could overwrite our own executable; see `wherry.linux.interpreter`."""
    if not interpreter.is_protected() and idmaps.holds(uids, interpreter.owner()):
        raise RuntimeFailure(
            "the interpreter is not protected from this container",
            stage="checking the interpreter",
            hint="a process that launches containers calls wherry.linux.interpreter.protect() when it starts",
        )


def _map_of(pid: int) -> idmaps.IdMap:
    if interpreter.is_protected():
        return ()
    try:
        return idmaps.read(f"/proc/{pid}/uid_map")
    except (FileNotFoundError, ProcessLookupError):
        return ()


def launch_exec(
    pid: int,
    process: dict[str, Any],
    *,
    spec: dict[str, Any],
    stdio: tuple[int, int, int] | None = None,
    cgroup: Cgroup | None = None,
    keep: int = 0,
) -> Launch:
    """Begin to start `process` in the namespaces of the running process `pid`, a container's init.

    `spec` is the container's specification, whose seccomp profile applies; the other parameters, what comes
    back and what is raised are those of `launch`.
    """
    plan = process_plan.of(process, spec.get("linux") or {})
    _check_interpreter(_map_of(pid))
    try:
        target = os.pidfd_open(pid)
    except ProcessLookupError:
        raise RuntimeFailure("the container is not running", stage="joining the container") from None
    try:
        request = Request(None, plan, {}, stdio, cgroup, -1, keep, -1, {})
        return _fork(
            lambda request, channel: entering.enter(request, channel, pid, target), request, (target,)
        )
    finally:
        os.close(target)


def _fork(
    work: Callable[[Request, socket.socket], None], request: Request, also: tuple[int, ...] = ()
) -> Launch:
    """Fork, and let the child do `work` with no descriptors but those of the request and `also`."""
    near, far = messages.pair()
    try:
        pid = os.fork()
    except OSError as error:
        near.close()
        far.close()
        raise RuntimeFailure(f"fork: {os.strerror(error.errno or errno.EAGAIN)}", stage="fork") from None
    if pid:
        far.close()
        return Launch(pid, near)
    code = 1
    try:
        gc.disable()
        # What else the launcher has open would stay open while init waits: no end of file for anyone.
        kept = {0, 1, 2, far.fileno(), *(request.stdio or ()), *range(3, 3 + request.keep)}
        processes.close_all_but(
            kept | {number for number in (request.gate, request.init, *also) if number >= 0},
        )
        work(request, far)
        code = 0
    finally:
        os._exit(code)
