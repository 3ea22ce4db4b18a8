"""Running a container: resources, namespaces, networks, streams, then its program."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
from typing import TYPE_CHECKING

from wherry.errors import Conflict, Internal, NotFound, NotModified, Unavailable, WherryError
from wherry.linux import cgroups
from wherry.supervisor.records import LaunchFailed

from ..logdrivers.options import parse as parse_log
from ..moments import now
from . import attach, bind_sources, health, hostfiles, network, shm, specification
from .record import CREATED, DEAD, EXITED, PAUSED, REMOVING, RESTARTING, RUNNING

if TYPE_CHECKING:
    from .registry import Container
    from .room import Room


_SUPERVISORS = 5
"""How many may die one after the other before this engine leaves a container's end to the next one."""


async def start(room: Room, container: Container) -> None:
    """See `Containers.start`."""
    async with container.lock:
        status = container.condition.status
        if status == RUNNING:
            raise NotModified("Container already started")
        if status == PAUSED:
            raise Conflict("cannot start a paused container, try unpause instead")
        if status in (REMOVING, DEAD):
            raise Conflict("container is marked for removal and cannot be started")
        if status == RESTARTING:
            cancel_restart(container)
        container.condition.restart_count = 0
        await run(room, container)


def cancel_restart(container: Container) -> None:
    """Give up a restart that waits for its time."""
    task = container.tasks.pop("restart", None)
    if task is not None:
        task.cancel()


async def run(room: Room, container: Container) -> None:
    """Run it; the lock is held. Raises what prevented it, with the condition saying so, nothing left
    behind."""
    condition = container.condition
    condition.exit_code = 0
    condition.error = ""
    condition.oom_killed = False
    condition.stopped_by_user = False
    delivery = room.delivery(container)
    shipper = None
    try:
        if delivery is not None:
            await delivery.finish(container)
            shipper = await delivery.prepare(container)
        pid = await _launch(room, container)
    except BaseException as error:
        if shipper is not None:
            shipper.close()
        failure = as_failure(error, f"starting container {container.name}")
        await asyncio.shield(_failed(room, container, failure))
        if failure is error or not isinstance(error, Exception):
            raise
        raise failure from error
    condition.status = RUNNING
    condition.pid = pid
    condition.pid_started = started_ticks(pid)
    condition.started_at = now()
    condition.finished_at = 0
    if delivery is not None:
        delivery.begin(container, shipper)
    health.begin(room, container)
    room.save(container)
    bind_sources.announce(room, container)
    room.event(container, "start")


async def _launch(room: Room, container: Container) -> int:
    plan, condition = container.plan, container.condition
    supervisor = room.supervisor
    await network.leave(room, container)  # what could not be given back at its last end
    hostfiles.write(room, container)
    await bind_sources.mount_slow(room, plan.mounts)
    specified = specification.build(room, container)
    condition.id_range = specified.id_range
    condition.cgroup = specified.cgroup
    condition.confinement = specified.confinement
    created = await supervisor.create(
        container.id,
        spec=specified.spec,
        rootfs=specified.rootfs,
        cgroup=specified.cgroup,
        log=parse_log(plan.host.log_config.type, plan.host.log_config.config or {}).file,
        open_stdin=plan.config.open_stdin,
        stdin_once=plan.config.stdin_once,
        runtime=specified.runtime,
    )
    if condition.confinement is not None:
        condition.confinement.given_up += created.warnings
    condition.pid = created.pid
    if not _has_cgroup(specified.cgroup):
        condition.cgroup = ""  # an ordinary user was given none
    await network.join(room, container, created.pid)
    if plan.config.tty and any(plan.host.console_size):
        rows, columns = plan.host.console_size
        await supervisor.resize(container.id, rows=rows, columns=columns)
    await attach.connect_waiting(room, container)
    await supervisor.start(container.id)
    return created.pid


def as_failure(error: BaseException, what: str) -> WherryError:
    """An error of the machine as one that says what was being done; those of ours as they are."""
    if isinstance(error, WherryError):
        return error
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Unavailable(
            f"no space left on device while {what}",
            hint="free some space, for instance with `wherry system prune`",
        )
    return Internal(f"{what}: {error or type(error).__name__}")


def _has_cgroup(path: str) -> bool:
    try:
        cgroups.open_existing(path)
    except NotFound:
        return False
    return True


async def _failed(room: Room, container: Container, error: WherryError) -> None:
    condition = container.condition
    condition.exit_code = error.exit_code if isinstance(error, LaunchFailed) else 128
    condition.error = error.message
    condition.status = EXITED if condition.started_at else CREATED
    attach.drop_waiting(container)
    try:
        await supervisor_forget(room, container, force=True)
    finally:
        await release(room, container)
        room.save(container)
    if container.plan.host.auto_remove:
        from .remove import discard

        await discard(room, container)


async def supervisor_forget(room: Room, container: Container, *, force: bool = False) -> None:
    """Have the supervisor drop a container that has ended or, with `force`, must.

    When it dies over this, its successor is asked: that has taken the container over, however far it was.
    """
    for _ in range(_SUPERVISORS):
        with contextlib.suppress(Unavailable):
            await room.supervisor.forget(container.id, force=force)
            return


async def release(room: Room, container: Container) -> None:
    """Give back what a container has only while it runs: addresses, id range, process."""
    condition = container.condition
    try:
        await network.leave(room, container)  # a full disk prevents it: tried again at the removal
    finally:
        shm.release(room, container)
        bind_sources.release(room, container)
        if condition.id_range >= 0:
            room.idranges.release(condition.id_range)
        condition.id_range = -1
        condition.pid = condition.pid_started = 0
        condition.cgroup = ""


def started_ticks(pid: int) -> int:
    """When a process began, in clock ticks since boot; 0 when there is none."""
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        return int(os.read(fd, 4096).rpartition(b")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return 0
    finally:
        os.close(fd)
