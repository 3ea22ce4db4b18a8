"""The engine, composed: each manager with its own table, the neighbours it needs passed in."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING

from wherry.linux.cgroups.home import find as find_cgroup_home
from wherry.store import Store
from wherry.supervisor import spawn
from wherry.supervisor.client import Supervisor
from wherry.supervisor.records import Detached, Exit, OutOfMemory

from . import machine, networking
from .containers import Containers, hostfiles, reconcile, specification
from .containers.registry import Registry
from .containers.room import Room
from .containers.table import Table
from .eventjournal import EventJournal
from .events import Events
from .execs import Execs
from .idranges import IdRanges
from .images import Images
from .journal import report
from .networks import Networks
from .processes import Processes
from .settings import Settings, from_environment
from .system import System
from .trash import Trash
from .volumes import Volumes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .builds import Builds

_PATIENCE = 5.0
"""Seconds that each step of the end may take."""


class Engine:
    """One engine over one state directory. `await Engine.open(...)` in a running loop, `await close()` at
    the end; what runs goes on after it."""

    containers: Containers
    execs: Execs
    images: Images
    volumes: Volumes
    networks: Networks
    events: Events
    system: System

    def __init__(self, state_dir: str, run_dir: str, store: Store, room: Room) -> None:
        self.root_dir = state_dir
        self.run_dir = run_dir
        self.store = store
        self._room = room
        self.last_used = time.monotonic()
        self._builds: Builds | None = None

    @classmethod
    async def open(
        cls,
        state_dir: str,
        run_dir: str,
        *,
        settings: Settings | None = None,
        rootless: bool = False,
        own_network: bool = False,
        supervisor_starting: int = 0,
    ) -> Engine:
        """Open the state, connect to the supervisor (starting one if none runs) and bring the two together.

        `supervisor_starting` is the process that is bringing one up. Raises `Unavailable` when another
        engine has the state directory open or no supervisor can be had.
        """
        settings = settings or from_environment()
        connecting = asyncio.ensure_future(_connect(state_dir, run_dir, supervisor_starting, own_network))
        try:
            store = Store(state_dir)
        except BaseException:
            connecting.cancel()
            raise
        try:
            supervisor = await connecting
        except BaseException:
            store.close()
            raise
        find_cgroup_home(supervisor.pid)
        facts = machine.look_up(rootless=rootless, own_network=own_network)
        events = Events(EventJournal(os.path.join(run_dir, "events")))
        registry = Registry(Table(store.database))
        kernel = networking.Lazy(store.database, run_dir, facts)
        processes = Processes(supervisor)
        trash = Trash(os.path.join(state_dir, "trash"), report)

        def users(volume: str) -> Sequence[str]:
            return [
                container.id
                for container in registry
                if any(mount.volume == volume for mount in container.plan.mounts)
            ]

        volumes = Volumes(os.path.join(state_dir, "volumes"), store.database, events, trash, users=users)
        networks = Networks(registry, events, kernel=kernel, seed=state_dir, find=registry.find)
        room = Room(
            state_dir=state_dir,
            registry=registry,
            store=store,
            supervisor=supervisor,
            processes=processes,
            events=events,
            volumes=volumes,
            trash=trash,
            networks=networks,
            idranges=IdRanges(),
            machine=facts,
            settings=settings,
        )
        networks.on_moved = lambda container: hostfiles.follow_networks(room, container)
        engine = cls(state_dir, run_dir, store, room)
        engine.events, engine.volumes, engine.networks = events, volumes, networks
        engine.containers = Containers(room)
        engine.execs = Execs(
            processes,
            events,
            find=registry.find,
            process_of=lambda container, config: specification.exec_process(room, container, config),
            resize=lambda container, exec_id, rows, columns: supervisor.resize(
                container, exec_id=exec_id, rows=rows, columns=columns
            ),
        )
        room.container_ended = engine.execs.forget
        engine.images = Images(store, registry, events)
        if own_network:
            engine.images.sockets = room.sockets_outside = networking.sockets_outside(run_dir)
        engine.system = System(room, engine.images)
        engine.system.build_cache = engine._build_cache
        engine._listen(supervisor)
        await reconcile.bring_together(room, first=True)
        if store.database.one("SELECT 1 FROM migrations WHERE owner = 'build steps'"):
            room.background(engine.builds.sweep(), "removing what interrupted builds have left")
        return engine

    @property
    def builds(self) -> Builds:
        """The builds; loaded with the first."""
        if self._builds is None:
            from .builds import Builds

            self._builds = Builds(self._room, self.images)
        return self._builds

    async def _build_cache(self) -> list[dict[str, Any]]:
        if not self.store.database.one("SELECT 1 FROM migrations WHERE owner = 'build'"):
            return []  # nothing was ever built
        return await self.builds.shown()

    def lent(self, uid: int, socket: str) -> bool:
        """Whether `uid` is of a container that was given this engine's API socket."""
        from .lending import has_socket

        return has_socket(self._room.registry, uid, socket)

    def touch(self) -> None:
        """A client is there: put off the end that comes after a quiet period."""
        self.last_used = time.monotonic()

    @property
    def busy(self) -> bool:
        """Whether a container runs or is about to: an engine that is busy does not end by itself."""
        return self._room.busy

    async def close(self, *, stop_supervisor: bool = True) -> None:
        """End the engine. The supervisor ends too when it holds nothing (unless told to stay)."""
        await self._room.settle()
        if stop_supervisor and not self.busy:
            for what, step in (
                ("taking networks down", self.networks.wind_down),
                ("ending the supervisor", self._room.supervisor.shutdown),
            ):
                try:
                    await asyncio.wait_for(step(), _PATIENCE)  # a supervisor may be gone for good
                except Exception as error:  # the rest must still be done
                    report(what, error)
        await self._room.supervisor.close()
        self.events.close()
        await asyncio.to_thread(self.store.close)

    def _listen(self, supervisor: Supervisor) -> None:
        room = self._room

        def on_exit(end: Exit) -> None:
            if end.exec_id:
                room.processes.ended(end)
                return
            container = room.registry.get(end.container)
            if container is not None:
                from .containers.ending import ended

                room.background(ended(room, container, end), f"end of {container.name}")

        def on_oom(oom: OutOfMemory) -> None:
            container = room.registry.get(oom.container)
            if container is not None:
                container.condition.oom_killed = True
                room.event(container, "oom")

        def on_detach(gone: Detached) -> None:
            container = room.registry.get(gone.container)
            if gone.keys and container is not None:
                attributes = {"execID": gone.exec_id} if gone.exec_id else {}
                room.event(container, "exec_detach" if gone.exec_id else "detach", **attributes)

        def on_reconnect() -> None:
            room.background(reconcile.bring_together(room), "taking over after the supervisor's end")

        supervisor.on_exit = on_exit
        supervisor.on_oom = on_oom
        supervisor.on_detach = on_detach
        supervisor.on_reconnect = on_reconnect


async def _connect(state_dir: str, run_dir: str, starting: int, own_network: bool) -> Supervisor:
    """Connect, after the process `starting` (0: none) has brought a supervisor up. It runs in the machine's
    network, also when this engine has a network of its own (`own_network`)."""
    if starting:
        loop = asyncio.get_running_loop()
        process = os.pidfd_open(starting)
        try:
            ended = loop.create_future()
            loop.add_reader(process, ended.set_result, None)
            try:
                await ended
            finally:
                loop.remove_reader(process)
            os.waitid(os.P_PIDFD, process, os.WEXITED)  # noqa: ASYNC222  it has ended already
        finally:
            os.close(process)
    start = networking.supervisor_outside if own_network else spawn.spawn
    return await Supervisor.connect(state_dir, run_dir, spawn=start)
