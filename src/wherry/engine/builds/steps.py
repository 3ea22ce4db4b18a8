"""One step of a build in a container: made, run, its files packed, removed."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

import msgspec

from wherry.build.request import Finished, Order
from wherry.errors import Invalid, NotFound

from ..containers import attach, create, remove, start, wait
from ..identity import new_id
from ..models import (
    BindOptions,
    ContainerConfig,
    HostConfig,
    Mount,
    NetworkingConfig,
    TmpfsOptions,
    from_wire,
)
from .stubs import stubs_in

if TYPE_CHECKING:
    from wherry.store.database import Database

    from ..containers.room import Room

_PIECE = 64 << 10
MIGRATIONS = ["CREATE TABLE build_containers (id TEXT PRIMARY KEY)"]


class StepRunner:
    """Runs steps. The containers it makes are noted before they are made, so that after a kill -9 the next
    engine finds and removes them (`sweep`)."""

    def __init__(self, room: Room, database: Database) -> None:
        database.migrate("build steps", MIGRATIONS)
        self._room = room
        self._database = database

    async def sweep(self) -> None:
        """Remove what an engine that was killed has left."""
        for row in self._database.all("SELECT id FROM build_containers"):
            await self._discard(row["id"])

    @contextlib.asynccontextmanager
    async def run(self, order: Order) -> AsyncIterator[Finished]:
        """See `Worker.run`."""
        room = self._room
        identifier = new_id()
        self._database.execute("INSERT INTO build_containers VALUES (?)", identifier)
        try:
            config, host = _configuration(order)
            await create.create(
                room, config, host, NetworkingConfig(), image=order.image, identifier=identifier
            )
            if order.secrets:
                room.secret_environment[identifier] = order.secrets
            container = room.registry.find(identifier)
            room.volatile.add(identifier)
            attachment = await attach.attach(room, container, stdin=False, stdout=True, stderr=True)
            reading = asyncio.ensure_future(_read(attachment.socket, order.output))
            try:
                ended = asyncio.ensure_future(_ended(wait.wait(container, "next-exit")))
                try:
                    await start.start(room, container)
                    code = await ended
                finally:
                    ended.cancel()
                await reading
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
                attachment.socket.close()
            snapshot = room.store.snapshots.get(identifier)
            targets = [mount.target for mount in order.mounts]
            yield Finished(
                code,
                container.condition.oom_killed,
                identifier[:12],
                lambda lease, latest: snapshot.into_layer(
                    lease, dropped=stubs_in(snapshot, targets), latest_ns=latest
                ),
            )
        finally:
            room.secret_environment.pop(identifier, None)
            room.volatile.discard(identifier)
            await asyncio.shield(room.background(self._discard(identifier), "end of a build step"))

    async def _discard(self, identifier: str) -> None:
        container = self._room.registry.get(identifier)
        if container is not None:
            with contextlib.suppress(NotFound):
                await remove.remove(self._room, container, force=True, volumes=True)
        else:
            self._room.trash.throw(self._room.store.snapshots.directory(identifier))
            with contextlib.suppress(NotFound):
                self._room.store.snapshots.get(identifier).remove()
        self._database.execute("DELETE FROM build_containers WHERE id = ?", identifier)


async def _ended(waiting: Any) -> int:
    result = await waiting
    return int(result.status_code)


def _configuration(order: Order) -> tuple[ContainerConfig, HostConfig]:
    config = ContainerConfig(
        image="build",
        cmd=list(order.arguments),
        env=list(order.environment),
        user=order.user,
        working_dir=order.directory,
        attach_stdout=True,
        attach_stderr=True,
    )
    limits = msgspec.json.encode(order.request.limits)
    host = from_wire(HostConfig, limits) if order.request.limits else HostConfig()
    host.network_mode = order.network
    host.shm_size = order.request.shm_size
    host.privileged = order.insecure
    host.log_config.type = "none"
    host.mounts = [
        Mount(
            type=mount.kind,
            source=mount.source,
            target=mount.target,
            read_only=mount.read_only,
            bind_options=BindOptions() if mount.kind == "bind" else None,
            tmpfs_options=TmpfsOptions(size_bytes=mount.size) if mount.kind == "tmpfs" else None,
        )
        for mount in order.mounts
    ]
    if order.network == "none":
        config.network_disabled = True
    for name in host.binds or ():
        raise Invalid(f"a build step can't bind {name}")
    return config, host


async def _read(connection: socket.socket, output: Callable[[int, bytes], None]) -> None:
    """Take Docker's frames apart."""
    loop = asyncio.get_running_loop()
    connection.setblocking(False)
    held = b""
    while data := await loop.sock_recv(connection, _PIECE):
        held += data
        while len(held) >= 8:
            size = int.from_bytes(held[4:8], "big")
            if len(held) < 8 + size:
                break
            output(held[0], held[8 : 8 + size])
            held = held[8 + size :]
