"""Makes processes: containers, and what is exec'd in them."""

from __future__ import annotations

import os
import socket
from typing import Any

from wherry.errors import Conflict, WherryError
from wherry.supervisor import exits, launching, streams
from wherry.supervisor.answer import Answer
from wherry.supervisor.control_group import ControlGroup
from wherry.supervisor.launchers import OWN, Launcher
from wherry.supervisor.launching import Launch
from wherry.supervisor.logs.options import LogConfig, from_wire
from wherry.supervisor.logs.recorder import Recorder
from wherry.supervisor.protocol import Message
from wherry.supervisor.supervised import Supervised
from wherry.supervisor.table import Table


class Creator:
    """Carries out `create`, `start` and `exec`."""

    def __init__(self, table: Table, launcher: Launcher) -> None:
        self._table = table
        self._launcher = launcher

    def create(self, message: Message, answer: Answer) -> None:
        """A container up to the point where its init waits."""
        spec, log = message["spec"], from_wire(message["log"])
        process = self._table.new(message["id"])
        process.terminal = bool(spec["process"].get("terminal"))
        stdin = bool(message["open_stdin"]) and not process.terminal
        stdin_once = bool(message["stdin_once"])
        process.settings = {
            "stdin": stdin,
            "stdin_once": stdin_once,
            "log": list(log),
            "runtime": message["runtime"],
            "cgroup": message["cgroup"],
        }
        ends: streams.Ends | None = None
        theirs: streams.ProcessEnds | None = None
        warnings: list[str] = []
        try:
            for directory in (process.layout.directory, process.layout.kept):
                os.makedirs(directory, mode=0o700, exist_ok=True)
            if os.path.lexists(process.layout.exit):
                os.unlink(process.layout.exit)
            self._keep_seccomp(process, spec)
            if not process.terminal:
                ends, theirs = streams.create(process.layout.prefix, stdin=stdin)
            process.group = self._group(process, message)
            process.group_dies = process.settings["group_dies"] = _shares_pids(spec)
            cgroup = None if process.group is None else process.group.cgroup
            warnings = [] if cgroup is None else list(cgroup.warnings)
            launch = self._launcher.container(message, theirs, cgroup)
        except BaseException:
            _close(ends)
            self._table.remove(process)
            raise
        finally:
            if theirs is not None:
                theirs.close()

        def created() -> None:
            self._table.launching -= 1
            try:
                self._connect(process, launch, ends, log, stdin_once)
                if message["runtime"] != OWN and process.settings["cgroup"]:
                    process.group = self._table.find_group(process, process.settings["cgroup"])
                process.created(launch.pid, launch.pidfd)
            except Exception as error:
                process.on_abandoned = lambda: None
                if process.session is None:
                    _close(ends)
                self._table.remove(process)
                answer.error(error)
                return
            assert process.session is not None
            descriptors = [process.pidfd, *process.session.kept]
            answer.ok({"pid": process.pid, "warnings": warnings + launch.warnings}, descriptors)
            process.session.flow()

        def failed(error: WherryError) -> None:
            process.launch = None
            self._table.launching -= 1
            _close(ends)
            self._table.remove(process)
            answer.error(error)

        process.launch = launch
        process.on_abandoned = lambda: failed(Conflict(f"container {process.container} was given up"))
        self._table.launching += 1
        launching.drive(self._table.loop, launch, created, failed)

    def start(self, message: Message, answer: Answer) -> None:
        """Let a created container's program execute."""
        process = self._table.get(message["id"])

        def failed(error: WherryError) -> None:
            self._table.launching -= 1
            self._table.remove(process)
            answer.error(error)

        def started() -> None:
            self._table.launching -= 1
            answer.ok()

        process.start(started, failed)
        self._table.launching += 1

    def exec(self, message: Message, answer: Answer, connection: socket.socket | None) -> None:
        """Another process in a running container."""
        container = self._table.get(message["id"])
        if container.status != "running":
            raise Conflict(f"container {container.container} is not running")
        process = self._table.new(message["id"], message["exec"])
        process.terminal = bool(message["process"].get("terminal"))
        attach = bool(message["attach"])
        stdin = bool(message["open_stdin"]) and attach and not process.terminal
        process.settings = {"stdin": stdin, "stdin_once": True, "log": None}
        ends: streams.Ends | None = None
        theirs: streams.ProcessEnds | None = None
        try:
            if not process.terminal:
                if attach:
                    ends, theirs = streams.create(process.layout.prefix, stdin=stdin)
                else:
                    theirs = streams.nowhere()
            known = {**container.settings, **container.state(), "seccomp": container.seccomp}
            cgroup = None if container.group is None else container.group.cgroup
            launch = self._launcher.exec(known, message, theirs, cgroup)
        except BaseException:
            _close(ends)
            self._table.remove(process)
            raise
        finally:
            if theirs is not None:
                theirs.close()

        def failed(error: WherryError) -> None:
            process.launch = None
            self._table.launching -= 1
            if process.session is None:
                _close(ends)
            if connection is not None:
                connection.close()
            self._table.remove(process)
            answer.error(error)

        def created() -> None:
            nonlocal connection
            try:
                session = self._connect(process, launch, ends, None, True)
                process.created(launch.pid, launch.pidfd)
                back: list[int] = []
                if attach:
                    ours, theirs = connection, None
                    if ours is None:
                        ours, theirs = socket.socketpair()
                        back.append(theirs.fileno())
                    connection = theirs
                    attach_to(process, ours, message)
                process.start(lambda: started(back), failed)
                session.flow()
            except Exception as error:
                process.on_abandoned = lambda: None
                process.discard()
                failed(error if isinstance(error, WherryError) else launching.internal(error))

        def started(back: list[int]) -> None:
            self._table.launching -= 1
            assert process.session is not None
            answer.ok({"pid": process.pid}, [*back, process.pidfd, *process.session.kept])
            if connection is not None:
                connection.close()

        process.launch = launch
        process.on_abandoned = lambda: failed(Conflict(f"container {process.container} is not running"))
        self._table.launching += 1
        launching.drive(self._table.loop, launch, created, failed)

    def _keep_seccomp(self, process: Supervised, spec: Message) -> None:
        """Remember the profile for what will be exec'd in the container; one copy for all that share it."""
        process.seccomp = (spec.get("linux") or {}).get("seccomp")
        if process.seccomp is not None:
            exits.write_file(process.layout.seccomp, process.seccomp)
            for other in self._table.all():
                if other is not process and other.seccomp == process.seccomp:
                    process.seccomp = other.seccomp
                    break

    def _group(self, process: Supervised, message: Message) -> ControlGroup | None:
        """The container's control group; None without a path, and for runtimes that make their own."""
        linux = message["spec"].get("linux") or {}
        path = process.settings["cgroup"] = message["cgroup"] or linux.get("cgroupsPath") or ""
        if not path or message["runtime"] != OWN:
            return None
        return self._table.make_group(process, path, linux.get("resources") or {})

    def _connect(
        self,
        process: Supervised,
        launch: Launch,
        ends: streams.Ends | None,
        log: LogConfig | None,
        stdin_once: bool,
    ) -> Any:
        """Give the process its session, over what it was launched with."""
        recorder = None
        if log is not None and log.keeps:
            recorder = Recorder(process.layout.log, process.layout.spool, log)
        session = process.make_session(stdin_once=stdin_once, recorder=recorder)
        if process.terminal:
            if launch.console is None:
                raise Conflict("the runtime handed no terminal over")
            relay = None if recorder is None else streams.create_relay(process.layout.prefix, again=False)
            session.over_terminal(launch.console, relay)
        elif ends is not None:
            session.over_streams(ends)
        return session


def attach_to(process: Supervised, connection: socket.socket, message: Message) -> None:
    """Attach a client as the message asks; owns the connection."""
    assert process.session is not None
    outputs = tuple(number for number, name in ((1, "stdout"), (2, "stderr")) if message[name])
    process.session.attach(
        connection,
        stdin=bool(message.get("stdin", message.get("open_stdin"))),
        outputs=outputs,
        keys=message["keys"].encode("latin-1"),
        early=message["early"].encode("latin-1"),
        framed=message.get("framed"),
    )


def _shares_pids(spec: Message) -> bool:
    """Whether the container has no pid namespace of its own, so that its init's end ends nothing else."""
    namespaces = (spec.get("linux") or {}).get("namespaces") or []
    return not any(one.get("type") == "pid" and not one.get("path") for one in namespaces)


def _close(ends: streams.Ends | None) -> None:
    for descriptor in ends or ():
        if descriptor is not None:
            os.close(descriptor)
