"""Connecting to a container's streams, before its start as well."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING, NamedTuple

from wherry.errors import Conflict, WherryError

from ..attachment import Attachment, Hijack
from .record import PAUSED, REMOVING, RESTARTING

if TYPE_CHECKING:
    from .registry import Container
    from .room import Room


class Waiting(NamedTuple):
    """Somebody who attached before the start; `connection` is ours until the supervisor has it."""

    connection: socket.socket
    stdin: bool
    stdout: bool
    stderr: bool
    keys: bytes = b""
    early: bytes = b""


async def attach(room: Room, container: Container, *, stdin: bool, stdout: bool, stderr: bool) -> Attachment:
    """A socket of the streams. Detach keys are watched for by whoever reads the client."""
    _check(container)
    tty = container.plan.config.tty
    stdin = stdin and container.plan.config.open_stdin
    if not container.condition.alive:
        ours, theirs = socket.socketpair()
        _wait_for_start(container, Waiting(theirs, stdin, stdout, stderr))
        stream = ours
    else:
        attached = await room.supervisor.attach(
            container.id, stdin=stdin, stdout=stdout, stderr=stderr, detach_keys=b""
        )
        assert attached.connection is not None
        stream = attached.connection
    room.event(container, "attach")
    return Attachment(stream, tty)


async def hand_over(
    room: Room,
    container: Container,
    hijack: Hijack,
    *,
    stdin: bool,
    stdout: bool,
    stderr: bool,
    keys: bytes,
) -> None:
    """Let the supervisor serve the client's own connection, now or from the start on."""
    _check(container)
    stdin = stdin and container.plan.config.open_stdin
    client = await hijack(container.plan.config.tty)
    waiting = Waiting(client.socket, stdin, stdout, stderr, keys, client.early)
    if not container.condition.alive:
        _wait_for_start(container, waiting)
    else:
        await _serve(room, container, waiting)
    room.event(container, "attach")


async def _serve(room: Room, container: Container, client: Waiting) -> None:
    await room.supervisor.attach(
        container.id,
        stdin=client.stdin,
        stdout=client.stdout,
        stderr=client.stderr,
        detach_keys=client.keys,
        connection=client.connection,
        early=client.early,
    )
    client.connection.close()


def _check(container: Container) -> None:
    status = container.condition.status
    if status == PAUSED:
        raise Conflict(f"container {container.id} is paused, unpause the container before attach")
    if status == RESTARTING:
        raise Conflict(f"container {container.id} is restarting, wait until the container is running")
    if status == REMOVING:
        raise Conflict(f"container {container.id} is marked for removal")


def _wait_for_start(container: Container, client: Waiting) -> None:
    for gone in [one for one in container.attaching if _gone(one.connection)]:
        gone.connection.close()
        container.attaching.remove(gone)
    container.attaching.append(client)


async def replay(
    room: Room,
    container: Container,
    *,
    stdin: bool,
    stdout: bool,
    stderr: bool,
    logs: bool,
    stream: bool,
) -> Attachment:
    """Attach with the log so far in front, or (without `stream`) only that."""
    ours, theirs = socket.socketpair()
    live = await attach(room, container, stdin=stdin, stdout=stdout, stderr=stderr) if stream else None
    room.background(
        _replay(room, container, theirs, live, stdout=stdout, stderr=stderr, logs=logs),
        f"attach to {container.name}",
    )
    return Attachment(ours, container.plan.config.tty)


async def _replay(
    room: Room,
    container: Container,
    client: socket.socket,
    live: Attachment | None,
    *,
    stdout: bool,
    stderr: bool,
    logs: bool,
) -> None:
    from wherry.supervisor.logs.selection import Selection

    from .logs import logs as read_logs

    loop = asyncio.get_running_loop()
    with client, live.socket if live is not None else contextlib.nullcontext():
        client.setblocking(False)
        if logs and (stdout or stderr):
            selection = Selection(stdout=stdout, stderr=stderr)
            pieces = await read_logs(
                room, container, selection=selection, following=False, timestamps=False, details=False
            )
            async for piece in pieces:
                await loop.sock_sendall(client, piece)
        if live is None:
            return
        live.socket.setblocking(False)
        typing = asyncio.ensure_future(_pour(client, live.socket))
        try:
            await _pour(live.socket, client)
        finally:
            typing.cancel()
            await asyncio.gather(typing, return_exceptions=True)


async def _pour(source: socket.socket, sink: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    with contextlib.suppress(ConnectionError, BrokenPipeError):
        while data := await loop.sock_recv(source, 65536):
            await loop.sock_sendall(sink, data)
        sink.shutdown(socket.SHUT_WR)


async def connect_waiting(room: Room, container: Container) -> None:
    """Give those who attached before the start to the supervisor; the container is created."""
    waiting, container.attaching = container.attaching, []
    for one in waiting:
        with one.connection:
            if not _gone(one.connection):
                with contextlib.suppress(WherryError):
                    await _serve(room, container, one)


def drop_waiting(container: Container) -> None:
    """The start failed: they get the end of the stream."""
    for one in container.attaching:
        one.connection.close()
    container.attaching.clear()


def _gone(connection: socket.socket) -> bool:
    """Whether the client has left altogether: nothing can be sent to it any more."""
    try:
        return connection.send(b"") < 0
    except OSError:
        return True
