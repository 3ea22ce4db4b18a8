"""One supervised process, a container's own or one exec'd in it, from its making to its end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

from wherry.errors import Conflict, WherryError
from wherry.linux import pidfd as pidfds
from wherry.supervisor import exits, launching
from wherry.supervisor.control_group import ControlGroup
from wherry.supervisor.launching import Launch
from wherry.supervisor.layout import Layout
from wherry.supervisor.loop import READABLE, Loop, Timer
from wherry.supervisor.protocol import Message
from wherry.supervisor.records import Exit
from wherry.supervisor.session import Session

OUTLIVE = 2.0
"""Seconds that children of an exec'd process may go on using its output after it ended, as with Docker."""

Failed = Callable[[WherryError], None]


class Supervised:
    """One process. `status` goes creating → created → running → exited; `notify` hears of events."""

    def __init__(
        self, loop: Loop, layout: Layout, container: str, exec_id: str, notify: Callable[[Message], None]
    ):
        self.loop = loop
        self.layout = layout
        self.container = container
        self.exec_id = exec_id
        self.status = "creating"
        self.pid = 0
        self.pidfd = -1
        self.start_time = 0
        self.started_at = 0
        self.terminal = False
        self.settings: Message = {}
        """What a successor needs to take over: see `adoption`."""
        self.seccomp: Any = None
        """A container's profile, which applies to what is exec'd in it too."""
        self.child = True
        self.session: Session | None = None
        self.group: ControlGroup | None = None
        self.group_dies = False
        """Whether the rest of the control group is to be killed when this process ends."""
        self.exit: Exit | None = None
        self.launch: Launch | None = None
        self._notify = notify
        self._linger: Timer | None = None
        self._starting: tuple[Callable[[], None], Failed] | None = None
        self._after_end: list[Callable[[], None]] = []
        self.on_gone: Callable[[], None] = lambda: None
        """Called when it has ended and nothing more comes out of it."""
        self.on_abandoned: Callable[[], None] = lambda: None
        """Called when it was discarded while it was being created."""

    def make_session(self, *, stdin_once: bool, recorder: Any) -> Session:
        """The session that tells the engine, in this process's name, what happens to its clients."""
        self.session = Session(
            self.loop,
            terminal=self.terminal,
            stdin_once=stdin_once,
            recorder=recorder,
            on_detached=lambda keys: self._tell("detached", keys=keys),
            on_stdin_closed=self._stdin_closed,
            on_outputs_ended=self._outputs_ended,
        )
        return self.session

    def created(self, pid: int, pidfd: int) -> None:
        """The process exists; owns the pidfd."""
        self.status = "created"
        self.pid = pid
        self.pidfd = pidfd
        self.start_time = pidfds.start_time(pid)
        if not self.exec_id:
            self.save("created")
        self.loop.watch(pidfd, READABLE, self._process_ended)

    def taken_over(self, pidfd: int, status: str) -> None:
        """The process of a dead supervisor, which may have ended meanwhile; owns the pidfd."""
        self.pidfd = pidfd
        self.status = status
        if status == "created":
            # Its init waited for a word from the dead supervisor, and ends without.
            try:
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.loop.watch(pidfd, READABLE, self._process_ended)

    def start(self, started: Callable[[], None], failed: Failed) -> None:
        """Let the created process execute its program. Conflict when it isn't waiting for that."""
        if self.status != "created" or self.launch is None or self._starting is not None:
            raise Conflict(f"process of container {self.container} is {self.status}, not waiting to start")
        # Before the word is given: a successor must never mistake a running program for a waiting init.
        self.started_at = time.time_ns()
        self.save("running")
        self._starting = (started, failed)
        self.loop.unwatch(self.pidfd)  # until it executes, its end is the launch's business
        self.launch.start()
        launching.drive(self.loop, self.launch, self._executing, self._start_failed)

    def signal(self, number: int, *, everyone: bool) -> None:
        """Send a signal. Conflict when the process has ended."""
        if self.status not in ("created", "running"):
            raise Conflict(f"container {self.container} is not running")
        if everyone and self.group is not None:
            self.group.kill(number)
            return
        try:
            signal.pidfd_send_signal(self.pidfd, number)
        except ProcessLookupError:
            raise Conflict(f"container {self.container} is not running") from None

    def kill(self, then: Callable[[], None]) -> None:
        """Kill a running process and all in its control group; `then` is called once it has ended."""
        self._after_end.append(then)
        if self.group is not None:
            self.group.kill()
        try:
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it has ended, and the loop is about to see that

    def save(self, status: str) -> None:
        """Write down what a successor needs."""
        exits.write_file(
            self.layout.record,
            {
                **self.settings,
                "container": self.container,
                "exec": self.exec_id,
                "pid": self.pid,
                "start_time": self.start_time,
                "started_at": self.started_at,
                "status": status,
                "terminal": self.terminal,
            },
        )

    def state(self) -> Message:
        return {
            "id": self.container,
            "exec": self.exec_id,
            "pid": self.pid,
            "status": self.status,
            "terminal": self.terminal,
            "started_at": self.started_at,
            "exit": None if self.exit is None else exits.to_wire(self.exit),
        }

    def discard(self) -> None:
        """Let go of everything, killing what was created and never started. May be repeated."""
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        if self.pidfd >= 0:
            self.loop.unwatch(self.pidfd)
        if self.launch is not None:
            launch, self.launch = self.launch, None
            self.loop.unwatch(launch.fileno())
            if self.pidfd >= 0:
                launch.pidfd, launch.console = -1, None  # ours since it was created
            launch.abort()
            starting, self._starting = self._starting, None
            if starting is not None:
                starting[1](Conflict(f"container {self.container} was given up"))
            elif self.status == "creating":
                self.on_abandoned()
        if self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1
        if self.session is not None:
            self.session.finish()
        if self.group is not None:
            self.group.release()
            self.group = None
        try:
            os.unlink(self.layout.record)
        except OSError:
            pass

    def ended(self, status: int | None, reason: str = "", known: Exit | None = None) -> None:
        """The process is over: drain, record, tell.

        `status` is its wait status, None when nobody knows; `known` what a dead supervisor wrote down.
        """
        if self.status == "exited":
            return
        self.status = "exited"
        if self.pidfd >= 0:
            self.loop.unwatch(self.pidfd)
            os.close(self.pidfd)
            self.pidfd = -1
        if self.launch is not None:
            self.launch.close()
            self.launch = None
        if self.group_dies and self.group is not None:
            self.group.kill()
        if self.session is not None:
            self.session.drain()
        oom = self.group is not None and self.group.oom_kills() > 0
        self.exit = known or exits.make(self.container, self.exec_id, status, oom=oom, reason=reason)
        if known is None and not self.exec_id:
            exits.write(self.layout.exit, self.exit)
        self._notify({"event": "exit", **exits.to_wire(self.exit)})
        if self.exec_id and self.session is not None and not self.session.outputs_ended:
            self._linger = self.loop.later(OUTLIVE, self._gone)
        else:
            self._gone()
        after, self._after_end = self._after_end, []
        for then in after:
            then()

    def _executing(self) -> None:
        assert self._starting is not None
        started, _ = self._starting
        self._starting = None
        self.launch = None
        self.status = "running"
        self.started_at = time.time_ns()
        started()
        self.loop.watch(self.pidfd, READABLE, self._process_ended)

    def _start_failed(self, error: WherryError) -> None:
        assert self._starting is not None
        _, failed = self._starting
        self._starting = None
        self.launch = None
        self.pidfd = -1  # closed by the launch, which has also reaped it
        failed(error)

    def _process_ended(self, events: int) -> None:
        if self.child:
            try:
                status = exits.of_child(self.pidfd)
            except ChildProcessError:
                self.ended(None, "its exit status was taken by another reaper")
                return
            if status is not None:
                self.ended(status)
            return
        status = exits.of_stranger(self.pidfd, self.pid)
        if status is not None:
            self.ended(status)
            return
        # Its parent has not reaped it yet, or this kernel does not tell: ask a few times more.
        self.loop.unwatch(self.pidfd)
        self._ask_again(0.01)

    def _ask_again(self, delay: float) -> None:
        def ask() -> None:
            status = exits.of_stranger(self.pidfd, self.pid)
            if status is not None or delay > 0.5:
                self.ended(status, "" if status is not None else "it was no longer a child of the supervisor")
            else:
                self._ask_again(delay * 2)

        self.loop.later(delay, ask)

    def _stdin_closed(self) -> None:
        if self.session is not None and self.status != "exited":
            self._tell("stdin", keep=len(self.session.kept))

    def _outputs_ended(self) -> None:
        if self.status == "exited":
            self._gone()

    def _gone(self) -> None:
        """Ended, and nothing more comes out of it."""
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        if self.session is not None:
            self.session.drain()
            self.session.finish()
        self.on_gone()

    def out_of_memory(self) -> None:
        """The kernel killed something in the container's control group."""
        self._notify({"event": "oom", "id": self.container})

    def _tell(self, event: str, **fields: Any) -> None:
        self._notify({"event": event, "id": self.container, "exec": self.exec_id, **fields})
