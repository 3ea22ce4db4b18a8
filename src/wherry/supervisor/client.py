"""The supervisor, as the engine sees it.

    supervisor = await Supervisor.connect(state_dir, run_dir)      # starts one when none listens
    supervisor.on_exit = engine.container_ended
    created = await supervisor.create(container_id, spec=spec, rootfs=rootfs, log=LogConfig())
    ...                                             # its namespaces exist: attach networks to created.pid
    attached = await supervisor.attach(container_id, stdout=True, stderr=True)
    await supervisor.start(container_id)

Everything is a request and a reply (see `wherry.supervisor.protocol`); nothing here blocks the loop. When the
supervisor dies, pending requests raise Unavailable, and the client starts a new one, which takes over the
running containers by what it finds in the run directory and by the descriptors kept here: a pidfd for each
process (so its exit status is not lost), its pipes (so what is in them is not lost when it ends meanwhile)
or its terminal (so that it does not hang up). Then
`on_reconnect` is called. Attached sockets end and must be attached again.

Only one engine owns a supervisor: the last to connect. The one before gets `on_replaced` and is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from wherry.errors import Unavailable
from wherry.supervisor.channel import Channel
from wherry.supervisor.exits import from_wire
from wherry.supervisor.logs.options import LogConfig
from wherry.supervisor.protocol import MAX_DESCRIPTORS, VERSION, Message
from wherry.supervisor.records import (
    Attached,
    Created,
    Detached,
    Executed,
    Exit,
    LogPosition,
    OutOfMemory,
    ProcessState,
)
from wherry.supervisor.spawn import spawn

Spawn = Callable[[str, str], Awaitable[None]]
"""Starts a supervisor and waits until it listens: `spawn.spawn`, or one that reaches another network."""

DETACH_KEYS = b"\x10\x11"
"""Control-P, control-Q."""


class Supervisor:
    """A connected supervisor. Made by `connect`; callbacks run in the event loop and must not block."""

    def __init__(self, state_dir: str, run_dir: str, spawn: Spawn = spawn) -> None:
        self._spawn = spawn
        self._state_dir = state_dir
        self._run_dir = run_dir
        self._channel: Channel | None = None
        self._ready = asyncio.Event()
        self._kept: dict[tuple[str, str], list[int]] = {}
        self._closed = ""
        self._reconnecting: asyncio.Task[None] | None = None
        self.pid = 0
        self.on_exit: Callable[[Exit], None] = lambda ended: None
        self.on_oom: Callable[[OutOfMemory], None] = lambda oom: None
        self.on_detach: Callable[[Detached], None] = lambda detached: None
        self.on_reconnect: Callable[[], None] = lambda: None
        """A new supervisor has taken over, or the connection is back: compare with `processes`."""
        self.on_replaced: Callable[[], None] = lambda: None

    @classmethod
    async def connect(
        cls,
        state_dir: str,
        run_dir: str,
        *,
        on_exit: Callable[[Exit], None] | None = None,
        start: bool = True,
        spawn: Spawn = spawn,
    ) -> Supervisor:
        """Connect, starting a supervisor with `spawn` when none listens (unless `start` is False). Raises
        Unavailable.

        Exits that happened while no engine was connected are not repeated as events: they are in `processes`,
        and in each container's `exit.json`.
        """
        self = cls(state_dir, run_dir, spawn)
        if on_exit is not None:
            self.on_exit = on_exit
        await self._open(start=start)
        return self

    async def create(
        self,
        container_id: str,
        *,
        spec: dict[str, Any],
        rootfs: dict[str, Any],
        cgroup: str = "",
        log: LogConfig | None = None,
        open_stdin: bool = False,
        stdin_once: bool = False,
        runtime: str = "wherry",
    ) -> Created:
        """Make the container's namespaces and root; its init then waits for `start`.

        `spec` is the OCI runtime specification, `rootfs` the mounts to make (see ARCHITECTURE.md), `cgroup`
        the path to put it in (else `spec.linux.cgroupsPath`), `runtime` "wherry" or the path of another OCI
        runtime. Raises LaunchFailed with Docker's wording and exit code; nothing is left behind then.
        Conflict when the id is already there and not forgotten.
        """
        ok, descriptors = await self._request(
            {
                "op": "create",
                "id": container_id,
                "spec": spec,
                "rootfs": rootfs,
                "cgroup": cgroup,
                "log": list(log or LogConfig()),
                "open_stdin": open_stdin,
                "stdin_once": stdin_once,
                "runtime": runtime,
            }
        )
        self._keep(container_id, "", descriptors)
        return Created(pid=ok["pid"], warnings=ok["warnings"])

    async def start(self, container_id: str) -> None:
        """Let a created container execute its program. Raises LaunchFailed (126, 127); it is then gone."""
        await self._request({"op": "start", "id": container_id})

    async def exec(
        self,
        container_id: str,
        exec_id: str,
        *,
        process: dict[str, Any],
        open_stdin: bool = False,
        attach: bool = True,
        stdout: bool = True,
        stderr: bool = True,
        detach_keys: bytes = DETACH_KEYS,
        connection: socket.socket | None = None,
        early: bytes = b"",
        framed: bool | None = None,
    ) -> Executed:
        """Run another process (`process` is the OCI specification's) in a running container.

        Returns once the program executes. With `attach` a socket as `attach` gives; without, its output is
        discarded. With `connection` the caller's socket is served directly: a duplicate goes to the
        supervisor, `early` being bytes for standard input that the caller has already read from it; the
        caller only closes its own. The process's end arrives at `on_exit` with this `exec_id`; the attached
        socket ends after its last byte of output, at most two seconds after the process. `framed` False gives
        bare bytes, True frames; None goes by whether the process has a terminal.
        """
        ok, descriptors = await self._request(
            {
                "op": "exec",
                "id": container_id,
                "exec": exec_id,
                "process": process,
                "open_stdin": open_stdin,
                "attach": attach,
                "stdout": stdout,
                "stderr": stderr,
                "keys": detach_keys.decode("latin-1"),
                "early": early.decode("latin-1"),
                "framed": framed,
            },
            () if connection is None else (connection.fileno(),),
        )
        handed_back = attach and connection is None
        stream = _socket(descriptors.pop(0)) if handed_back else None
        self._keep(container_id, exec_id, descriptors)
        return Executed(pid=ok["pid"], connection=stream)

    async def kill(
        self, container_id: str, number: int = signal.SIGKILL, *, exec_id: str = "", everyone: bool = False
    ) -> None:
        """Send a signal to the container's init (or an exec'd process), or to every process in its cgroup.

        NotFound when the supervisor does not hold it, Conflict when it has ended.
        """
        await self._request(
            {"op": "kill", "id": container_id, "exec": exec_id, "signal": int(number), "all": everyone}
        )

    async def attach(
        self,
        container_id: str,
        *,
        exec_id: str = "",
        stdin: bool = False,
        stdout: bool = True,
        stderr: bool = True,
        detach_keys: bytes = DETACH_KEYS,
        connection: socket.socket | None = None,
        early: bytes = b"",
    ) -> Attached:
        """Attach to a created or running process.

        The socket carries Docker's frames (bare bytes for a terminal) and takes standard input; it ends when
        the process has ended and all output was delivered, or when the detach keys were typed (terminals
        only; empty: none). A client that does not read holds the container's output up once a mebibyte
        waits, as with Docker, and nothing else. `connection` and `early`: see `exec`.
        """
        ok, descriptors = await self._request(
            {
                "op": "attach",
                "id": container_id,
                "exec": exec_id,
                "stdin": stdin,
                "stdout": stdout,
                "stderr": stderr,
                "keys": detach_keys.decode("latin-1"),
                "early": early.decode("latin-1"),
            },
            () if connection is None else (connection.fileno(),),
        )
        return Attached(
            connection=_socket(descriptors.pop(0)) if descriptors else None,
            position=LogPosition(*ok["position"]),
        )

    async def resize(self, container_id: str, *, rows: int, columns: int, exec_id: str = "") -> None:
        """Set a terminal's size (and so send SIGWINCH). Conflict when the process has no terminal."""
        await self._request(
            {"op": "resize", "id": container_id, "exec": exec_id, "rows": rows, "columns": columns}
        )

    async def configure_log(self, container_id: str, log: LogConfig) -> None:
        """Change the limits of a container's log; the driver stays what it was at `create`."""
        await self._request({"op": "log", "id": container_id, "log": list(log)})

    async def processes(self) -> list[ProcessState]:
        """Every process held: containers and exec'd ones, and those ended but not yet forgotten."""
        ok, _ = await self._request({"op": "list"})
        return [_state(one) for one in ok["processes"]]

    async def forget(self, container_id: str, *, force: bool = False) -> None:
        """Drop an ended container and its exec'd processes: FIFOs removed, nothing held. May be repeated.

        Conflict while it runs or is being made, unless `force` is to kill it; it has ended then when this
        returns. A created container that was never started is killed in any case.
        """
        await self._request({"op": "forget", "id": container_id, "force": force})
        for key in [key for key in self._kept if key[0] == container_id]:
            self._drop(*key)

    async def shutdown(self) -> None:
        """End the supervisor. Conflict while it holds a process that has not ended."""
        self._closed = "the supervisor was shut down"
        try:
            await self._request({"op": "shutdown"}, even_closed=True)
        except BaseException:
            self._closed = ""
            raise
        await self.close()

    async def close(self) -> None:
        """Disconnect; the supervisor and its containers go on."""
        self._closed = self._closed or "the connection to the supervisor was closed"
        if self._reconnecting is not None and self._reconnecting is not asyncio.current_task():
            self._reconnecting.cancel()
            with contextlib.suppress(asyncio.CancelledError, Unavailable):
                await self._reconnecting
        if self._channel is not None:
            self._channel.close()
        for key in list(self._kept):
            self._drop(*key)
        self._ready.set()

    async def _open(self, *, start: bool) -> None:
        """Connect and take the supervisor over. Raises Unavailable."""
        path = os.path.join(self._run_dir, "supervisor.sock")
        for patience in range(10):
            connection = await _connect(path)
            if connection is None and start:
                await self._spawn(self._state_dir, self._run_dir)
                connection = await _connect(path)
            if connection is not None and await self._take_over(connection):
                return
            if not start:
                break
            await asyncio.sleep(
                0.005 * patience
            )  # it was just ending: its socket took us in, but nobody reads
        raise Unavailable("no supervisor is running", hint="the engine starts one when a container is made")

    async def _take_over(self, connection: socket.socket) -> bool:
        """Say hello and hand over what was kept; False when the supervisor went away meanwhile."""
        channel = Channel(connection, self._event, lambda: self._lost(channel))
        try:
            ok, _ = await channel.request({"op": "hello", "version": VERSION})
            await self._hand_over(channel)
        except BaseException:
            gone = channel.closed
            channel.close()
            if gone and not self._closed:
                return False
            raise
        self.pid = ok["pid"]
        self._channel = channel
        self._ready.set()
        return True

    async def _hand_over(self, channel: Channel) -> None:
        """Give a new supervisor what was kept of the old one's, in messages of bounded size."""
        keys = list(self._kept)
        step = MAX_DESCRIPTORS // 4  # a pidfd and at most three others each
        for first in range(0, len(keys) or 1, step):
            part = [key for key in keys[first : first + step] if key in self._kept]
            descriptors = [descriptor for key in part for descriptor in self._kept[key]]
            keep = [[*key, len(self._kept[key])] for key in part]
            last = first + step >= len(keys)
            await channel.request({"op": "adopt", "keep": keep, "last": last}, tuple(descriptors))

    async def _request(
        self, message: Message, descriptors: Sequence[int] = (), *, even_closed: bool = False
    ) -> tuple[Message, list[int]]:
        await self._ready.wait()
        if (self._closed and not even_closed) or self._channel is None:
            raise Unavailable(self._closed or "the supervisor is not connected")
        return await self._channel.request(message, tuple(descriptors))

    def _event(self, message: Message) -> None:
        match message["event"]:
            case "exit":
                ended = from_wire(message)
                self._drop(ended.container, ended.exec_id)
                self.on_exit(ended)
            case "oom":
                self.on_oom(OutOfMemory(message["id"]))
            case "detached":
                self.on_detach(Detached(message["id"], message["exec"], message["keys"]))
            case "stdin":
                kept = self._kept.get((message["id"], message["exec"]), [])
                while len(kept) > 1 + message["keep"]:
                    os.close(kept.pop())
            case "replaced":
                self._closed = "another engine took over the supervisor"

    def _lost(self, channel: Channel) -> None:
        if self._channel is not channel:
            return  # not taken over yet: `_open` deals with it
        if self._closed:
            if "took over" in self._closed:
                self.on_replaced()
            return
        self._ready.clear()
        self._reconnecting = asyncio.get_running_loop().create_task(self._reconnect())

    async def _reconnect(self) -> None:
        delay = 0.0
        while not self._closed:
            await asyncio.sleep(delay)
            try:
                await self._open(start=True)
            except Unavailable:
                delay = min(5.0, delay * 2 + 0.05)
            else:
                self.on_reconnect()
                return

    def _keep(self, container_id: str, exec_id: str, descriptors: list[int]) -> None:
        self._drop(container_id, exec_id)
        self._kept[container_id, exec_id] = descriptors

    def _drop(self, container_id: str, exec_id: str) -> None:
        for descriptor in self._kept.pop((container_id, exec_id), []):
            os.close(descriptor)


async def _connect(path: str) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(connection, path)
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        return None
    except BaseException:
        connection.close()
        raise
    return connection


def _socket(descriptor: int) -> socket.socket:
    stream = socket.socket(fileno=descriptor)
    stream.setblocking(False)
    return stream


def _state(wire: Message) -> ProcessState:
    ended = wire["exit"]
    return ProcessState(
        wire["id"],
        wire["exec"],
        wire["pid"],
        wire["status"],
        wire["terminal"],
        wire["started_at"],
        None if ended is None else from_wire(ended),
    )
