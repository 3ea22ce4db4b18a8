"""What the supervisor tells the engine: small values, the same on both sides of the socket."""

from __future__ import annotations

import socket
from typing import NamedTuple

from wherry.errors import WherryError


class LaunchFailed(WherryError):
    """A process could not be made or could not execute; `exit_code` is Docker's 125, 126 or 127."""

    status = 400

    def __init__(self, message: str, *, hint: str = "", exit_code: int = 125) -> None:
        super().__init__(message, hint=hint)
        self.exit_code = exit_code


class Exit(NamedTuple):
    """How a container's first process, or an exec'd one, ended.

    `code` is what Docker reports: the exit status, or 128 + signal. 255 with a `reason` when nobody could
    learn it (the process ended while both engine and supervisor were dead).
    """

    container: str
    exec_id: str
    """Empty for the container's own process."""
    code: int
    signal: int
    """The signal that ended it, or 0."""
    oom: bool
    """Whether the kernel killed something in the container's cgroup for want of memory."""
    finished_at: int
    """Nanoseconds since the epoch."""
    reason: str = ""


class OutOfMemory(NamedTuple):
    """The kernel killed a process of this container for want of memory."""

    container: str


class Detached(NamedTuple):
    """An attached client went away; `keys` when it typed its detach keys."""

    container: str
    exec_id: str
    keys: bool


class LogPosition(NamedTuple):
    """A place in a container's log that survives rotation: the file's inode number and an offset in it.

    An attach reply carries it: records before it were written before the attached socket saw its first
    byte, everything after comes through the socket. (0, 0) when the container keeps no log.
    """

    inode: int
    offset: int


class Created(NamedTuple):
    pid: int
    """Of the container's init in the engine's pid namespace; its namespaces exist, it waits for `start`."""
    warnings: list[str]


class Executed(NamedTuple):
    pid: int
    connection: socket.socket | None
    """The attached socket, when one was asked for and none was handed in. The caller closes it."""


class Attached(NamedTuple):
    connection: socket.socket | None
    """The attached socket; None when the caller handed one in. The caller closes it."""
    position: LogPosition


class ProcessState(NamedTuple):
    """One process that the supervisor holds, running or ended and not yet forgotten."""

    container: str
    exec_id: str
    pid: int
    status: str
    """`creating`, `created`, `running` or `exited`."""
    terminal: bool
    started_at: int
    """Nanoseconds since the epoch; 0 before `start`."""
    exit: Exit | None
