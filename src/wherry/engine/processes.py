"""Processes in containers besides the first: run through the supervisor, their ends awaited by id."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any, NamedTuple

from wherry.supervisor.records import Exit

from .attachment import Client

if TYPE_CHECKING:
    from wherry.supervisor.client import Supervisor


class Running(NamedTuple):
    """`connection` carries Docker's frames, or raw bytes with a terminal; the caller closes it."""

    pid: int
    connection: socket.socket | None
    ended: asyncio.Future[Exit]


class Processes:
    """Starts exec'd processes and hands out their ends. One per engine, on its loop."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._ends: dict[tuple[str, str], asyncio.Future[Exit]] = {}

    async def run(
        self,
        container: str,
        exec_id: str,
        process: dict[str, Any],
        *,
        stdin: bool = False,
        stdout: bool = True,
        stderr: bool = True,
        attach: bool = True,
        client: Client | None = None,
        detach_keys: bytes = b"",
        framed: bool | None = None,
    ) -> Running:
        """Run `process` (the OCI specification's object), serving `client` if there is one.

        `framed`: whether its output comes in Docker's frames; None: unless it has a terminal.

        Raises `LaunchFailed`, `NotFound`; the client's connection is open then.
        """
        ended: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self._ends[container, exec_id] = ended  # before the request: it may end before the reply is read
        try:
            done = await self._supervisor.exec(
                container,
                exec_id,
                process=process,
                open_stdin=stdin,
                attach=attach,
                stdout=stdout,
                stderr=stderr,
                detach_keys=detach_keys,
                framed=framed,
                connection=client.socket if client is not None else None,
                early=client.early if client is not None else b"",
            )
        except BaseException:
            self._ends.pop((container, exec_id), None)
            raise
        if client is not None:
            client.socket.close()
        return Running(done.pid, done.connection, ended)

    def ended(self, end: Exit) -> None:
        """The supervisor says that one has ended."""
        future = self._ends.pop((end.container, end.exec_id), None)
        if future is not None and not future.done():
            future.set_result(end)

    def container_ended(self, container: str) -> None:
        """All that ran in it have ended with it; those whose end was not heard of are given up."""
        for key in [key for key in self._ends if key[0] == container]:
            future = self._ends.pop(key)
            if not future.done():
                future.set_result(Exit(container, key[1], 137, 9, False, 0, "the container ended"))

    async def kill(self, container: str, exec_id: str) -> None:
        """Kill one."""
        await self._supervisor.kill(container, exec_id=exec_id)
