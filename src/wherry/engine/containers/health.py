"""Asking a container whether it is well, as its health check says."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING

from wherry.errors import WherryError
from wherry.supervisor.records import LaunchFailed

from ..identity import new_id
from ..models import ExecConfig, Health, Healthcheck, HealthResult
from ..moments import now, rfc3339

if TYPE_CHECKING:
    from .registry import Container
    from .room import Room

KEPT = 5
OUTPUT = 4096
_SECOND = 1_000_000_000


def begin(room: Room, container: Container, *, anew: bool = True) -> None:
    """Start asking; nothing for a container without a check (or with `NONE`). A container that runs since an
    earlier engine, not `anew`, is as healthy as it was."""
    check = container.plan.config.healthcheck
    if check is None or not check.test or check.test[0] == "NONE":
        container.health = None
        container.condition.health = ""
        return
    if anew or container.health is None:
        container.health = Health(status="starting", log=[])
        container.condition.health = "starting"
    container.tasks["health"] = room.background(
        _ask(room, container, check), f"health check of {container.name}"
    )


def finish(container: Container) -> None:
    """Stop asking. What was learnt stays to be seen, but a container that ended is not healthy."""
    task = container.tasks.pop("health", None)
    if task is not None:
        task.cancel()
    if container.health is not None:
        container.health.status = container.condition.health = "unhealthy"


async def _ask(room: Room, container: Container, check: Healthcheck) -> None:
    interval = (check.interval or 30 * _SECOND) / _SECOND
    grace_ends = container.condition.started_at + check.start_period
    start_interval = (check.start_interval or 5 * _SECOND) / _SECOND
    health = container.health
    assert health is not None
    while True:
        starting = health.status == "starting" and now() < grace_ends
        await asyncio.sleep(min(start_interval, interval) if starting else interval)
        if not container.condition.alive:
            return
        if container.condition.status == "running":
            _judge(room, container, check, await _probe(room, container, check), grace_ends)


def _judge(
    room: Room, container: Container, check: Healthcheck, result: HealthResult, grace_ends: int
) -> None:
    health = container.health
    if health is None:
        return
    health.log = [*(health.log or []), result][-KEPT:]
    before = health.status
    if result.exit_code == 0:
        health.failing_streak = 0
        health.status = "healthy"
    elif not (before == "starting" and now() < grace_ends):
        health.failing_streak += 1
        if health.failing_streak >= (check.retries or 3):
            health.status = "unhealthy"
    if health.status != before:
        container.condition.health = health.status
        room.save(container)
        room.event(container, f"health_status: {health.status}")


async def _probe(room: Room, container: Container, check: Healthcheck) -> HealthResult:
    """Run the check once; never raises but for cancellation."""
    from .specification import exec_process

    patience = (check.timeout or 30 * _SECOND) / _SECOND
    started = now()
    test = check.test or []
    shell = container.plan.config.shell or ["/bin/sh", "-c"]
    line = [*shell, *test[1:]] if test[0] == "CMD-SHELL" else test[1:]
    config = ExecConfig(cmd=line, attach_stdout=True, attach_stderr=True)
    exec_id = new_id()
    try:
        running = await room.processes.run(container.id, exec_id, exec_process(room, container, config))
    except WherryError as error:
        code = error.exit_code if isinstance(error, LaunchFailed) else 126
        return HealthResult(start=rfc3339(started), end=rfc3339(now()), exit_code=code, output=error.message)
    assert running.connection is not None
    with running.connection as stream:
        stream.setblocking(False)
        try:
            async with asyncio.timeout(patience):
                output = await _read_all(stream)
                end = await running.ended
        except TimeoutError:
            with contextlib.suppress(WherryError):
                await room.processes.kill(container.id, exec_id)
            text = f"Health check exceeded timeout ({_span(patience)})"
            return HealthResult(start=rfc3339(started), end=rfc3339(now()), exit_code=-1, output=text)
    text = output.decode("utf-8", "replace")
    return HealthResult(start=rfc3339(started), end=rfc3339(now()), exit_code=end.code, output=text)


def _span(seconds: float) -> str:
    """As Go prints a duration: `200ms`, `1.5s`, `1m30s`."""
    if seconds < 1:
        return f"{seconds * 1000:g}ms"
    minutes, rest = divmod(seconds, 60)
    return f"{minutes:.0f}m{rest:g}s" if minutes else f"{seconds:g}s"


async def _read_all(stream: socket.socket) -> bytes:
    """The frames' payload until the end, the first `OUTPUT` bytes of it."""
    loop = asyncio.get_running_loop()
    raw, out = bytearray(), bytearray()
    while data := await loop.sock_recv(stream, 65536):
        raw += data
        while len(raw) >= 8:
            end = 8 + int.from_bytes(raw[4:8], "big")
            if len(raw) < end:
                break
            out += raw[8:end][: OUTPUT - len(out)]
            del raw[:end]
    return bytes(out)
