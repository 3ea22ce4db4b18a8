"""The output so far, and what comes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from wherry.errors import Invalid, Unsupported
from wherry.supervisor.logs.reader import follow, read
from wherry.supervisor.logs.render import Renderer
from wherry.supervisor.logs.selection import Selection

from ..logdrivers.options import parse
from ..logdrivers.tags import About, extra
from .record import RESTARTING

if TYPE_CHECKING:
    from .registry import Container
    from .room import Room


async def logs(
    room: Room,
    container: Container,
    *,
    selection: Selection,
    following: bool,
    timestamps: bool,
    details: bool,
) -> AsyncIterator[bytes]:
    """See `Containers.logs`."""
    if not (selection.stdout or selection.stderr):
        raise Invalid("Bad parameters: you must choose at least one stream")
    host = container.plan.host
    if not parse(host.log_config.type, host.log_config.config or {}).readable:
        raise Unsupported("configured logging driver does not support reading")
    renderer = Renderer(
        framed=not container.plan.config.tty,
        timestamps=timestamps,
        details=_details(container) if details else b"",
    )
    path = os.path.join(room.directory(container), "container.log")
    if following and (container.condition.alive or container.condition.status == RESTARTING):
        return _following(room, container, path, selection, renderer)
    return _existing(path, selection, renderer)


async def _existing(path: str, selection: Selection, renderer: Renderer) -> AsyncIterator[bytes]:
    blocks = read(path, selection)
    while (runs := await asyncio.to_thread(next, blocks, None)) is not None:
        yield renderer.render(runs)


async def _following(
    room: Room, container: Container, path: str, selection: Selection, renderer: Renderer
) -> AsyncIterator[bytes]:
    ended = asyncio.Event()
    waiting = room.background(_until_over(container, ended), f"followed log of {container.name}")
    try:
        async for runs in follow(path, selection, room.log_watcher(), ended):
            yield renderer.render(runs)
    finally:
        waiting.cancel()


async def _until_over(container: Container, ended: asyncio.Event) -> None:
    """Set `ended` when the container has ended and is not about to be restarted."""
    while True:
        waiter: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        container.exit_waiters.append(waiter)
        if not container.condition.alive and container.condition.status != RESTARTING:
            break
        await waiter
        if container.condition.status != RESTARTING:
            break
    if waiter in container.exit_waiters:
        container.exit_waiters.remove(waiter)
    ended.set()


def _details(container: Container) -> bytes:
    """The labels and variables that the log's options name, as `--details` shows them."""
    plan = container.plan
    config, image = plan.config, plan.image_name
    about = About(
        container.id, container.name, plan.image_id, image, config.labels or {}, tuple(config.env or ())
    )
    pairs = [f"{name}={value}" for name, value in extra(about, plan.host.log_config.config or {}).items()]
    return (",".join(sorted(pairs)) + " ").encode() if pairs else b""
