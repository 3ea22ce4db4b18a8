"""Further processes in running containers (`exec`)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from wherry.errors import Conflict, Invalid, NotFound, WherryError
from wherry.supervisor.records import Exit, LaunchFailed

from .attachment import Attachment, Hijack
from .containers.record import PAUSED, RESTARTING
from .containers.registry import Container
from .events import Events
from .identity import new_id
from .models import ExecConfig, ExecInspect, ProcessConfig
from .processes import Processes

FORGET_AFTER = 300.0
"""Seconds for which an ended exec can still be asked for its exit code."""

SETTLE = 2.0
"""Seconds that an ended exec's exit code may take to arrive."""


class Execs:
    """Exec instances. They live in memory: one ends with its process, and is forgotten with its
    container."""

    def __init__(
        self,
        processes: Processes,
        events: Events,
        *,
        find: Callable[[str], Container],
        process_of: Callable[[Container, ExecConfig], dict[str, Any]],
        resize: Callable[[str, str, int, int], Any],
    ) -> None:
        self._processes = processes
        self._events = events
        self._find = find
        self._process_of = process_of
        self._resize = resize
        self._known: dict[str, _Instance] = {}

    async def create(self, container: str, config: ExecConfig) -> str:
        """Register a command to run in a running container; returns the exec's id (64 hex digits).

        Raises `Conflict` ("container … is not running", "is paused"), `Invalid` ("No exec command
        specified").
        """
        found = self._find(container)
        if not config.cmd:
            raise Invalid("No exec command specified")
        _check_running(found)
        instance = _Instance(new_id(), found, config)
        self._known[instance.id] = instance
        found.execs.add(instance.id)
        self._event(instance, f"exec_create: {_line(config)}")
        return instance.id

    async def start(
        self,
        exec_id: str,
        *,
        detach: bool = False,
        tty: bool | None = None,
        console_size: tuple[int, int] | None = None,
        hijack: Hijack | None = None,
        detach_keys: bytes = b"",
    ) -> Attachment | None:
        """Run it; returns the streams, or None when detached or when `hijack` gave a client to serve.

        Whether they come in frames goes by `tty`, as in Docker: what the client that starts it says.

        Raises `Conflict` when it has run already; once the client was hijacked what keeps the process
        from being run (`LaunchFailed`, with 126 or 127, when the program can't be executed).
        """
        instance = self._get(exec_id)
        if instance.started:
            raise Conflict(f"Error: Exec command {exec_id} has already run")
        _check_running(instance.container)
        instance.started = True
        config = instance.config
        if console_size is not None:
            config.console_size = console_size
        self._event(instance, f"exec_start: {_line(config)}")
        bare = config.tty if tty is None else tty
        client = await hijack(bare) if hijack is not None and not detach else None
        try:
            running = await self._processes.run(
                instance.container.id,
                exec_id,
                self._process_of(instance.container, config),
                stdin=config.attach_stdin and not detach,
                stdout=config.attach_stdout,
                stderr=config.attach_stderr,
                attach=not detach,
                client=client,
                detach_keys=detach_keys,
                framed=not bare,
            )
        except WherryError as error:
            missing = isinstance(error, LaunchFailed) and error.exit_code == 127
            instance.exit_code = 127 if missing else 126  # the only two that Docker has for it
            self._forget_later(instance)
            raise
        instance.pid = running.pid
        instance.ended = running.ended
        running.ended.add_done_callback(lambda future: self._ended(instance, future.result()))
        if running.connection is None:
            return None
        return Attachment(running.connection, bare)

    async def resize(self, exec_id: str, height: int, width: int) -> None:
        """Set its terminal's size."""
        instance = self._get(exec_id)
        if not instance.pid:
            instance.config.console_size = (height, width)
            return
        await self._resize(instance.container.id, exec_id, height, width)

    async def inspect(self, exec_id: str) -> ExecInspect:
        """Raises `NotFound` ("No such exec instance: x")."""
        instance = self._get(exec_id)
        await self._settle(instance)
        config = instance.config
        line = config.cmd or [""]
        return ExecInspect(
            id=instance.id,
            running=instance.pid != 0,
            exit_code=instance.exit_code,
            process_config=ProcessConfig(
                tty=config.tty,
                entrypoint=line[0],
                arguments=line[1:],
                privileged=config.privileged,
                user=config.user,
            ),
            open_stdin=config.attach_stdin,
            open_stderr=config.attach_stderr,
            open_stdout=config.attach_stdout,
            container_id=instance.container.id,
            detach_keys=config.detach_keys,
            pid=instance.pid,
        )

    async def _settle(self, instance: _Instance) -> None:
        """Wait for the word of an end that has happened.

        A client whose stream has just ended asks for the exit code at once, and may overtake the supervisor.
        """
        if instance.pid and instance.ended is not None and _is_over(instance.pid):
            await asyncio.wait([instance.ended], timeout=SETTLE)
            await asyncio.sleep(0)  # the callbacks of the end come first

    def forget(self, container: Container) -> None:
        """Its container ended: no exec of it can start any more."""
        self._processes.container_ended(container.id)
        for exec_id in list(container.execs):
            instance = self._known.get(exec_id)
            if instance is not None and not instance.started:
                self._drop(instance)

    def _get(self, exec_id: str) -> _Instance:
        try:
            return self._known[exec_id]
        except KeyError:
            raise NotFound(f"No such exec instance: {exec_id}") from None

    def _ended(self, instance: _Instance, end: Exit) -> None:
        instance.exit_code = end.code
        instance.pid = 0
        self._event(instance, "exec_die", exitCode=str(end.code))
        self._forget_later(instance)

    def _forget_later(self, instance: _Instance) -> None:
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop().call_later(FORGET_AFTER, self._drop, instance)

    def _drop(self, instance: _Instance) -> None:
        self._known.pop(instance.id, None)
        instance.container.execs.discard(instance.id)

    def _event(self, instance: _Instance, action: str, **more: str) -> None:
        container = instance.container
        attributes = container.attributes(execID=instance.id, **more)
        self._events.publish("container", action, container.id, attributes)


class _Instance:
    __slots__ = ("config", "container", "ended", "exit_code", "id", "pid", "started")

    def __init__(self, identifier: str, container: Container, config: ExecConfig) -> None:
        self.id = identifier
        self.container = container
        self.config = config
        self.started = False
        self.exit_code: int | None = None
        self.pid = 0
        self.ended: asyncio.Future[Exit] | None = None


def _is_over(pid: int) -> bool:
    """Whether a process is gone, or only waits to be reaped."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b") ")[2][:1] in b"ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def _line(config: ExecConfig) -> str:
    return " ".join(config.cmd or ())


def _check_running(container: Container) -> None:
    condition = container.condition
    if condition.status == PAUSED:
        raise Conflict(f"Container {container.id} is paused, unpause the container before exec")
    if condition.status == RESTARTING:
        raise Conflict(f"Container {container.id} is restarting, wait until the container is running")
    if not condition.alive:
        raise Conflict(f"container {container.id} is not running")
