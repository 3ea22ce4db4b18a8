"""What the verbs on containers share: the registry, and the neighbours they call."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from wherry.linux.cgroups.home import home
from wherry.supervisor.logs.options import DRIVERS as LOG_FILES

if TYPE_CHECKING:
    from wherry.store import Store
    from wherry.supervisor.client import Supervisor
    from wherry.supervisor.logs.watch import LogWatcher

    from ..events import Events
    from ..idranges import IdRanges
    from ..logdrivers.destination import Sockets
    from ..logdrivers.shippers import Shippers
    from ..machine import Machine
    from ..models import HostConfig
    from ..networks import Networks
    from ..processes import Processes
    from ..settings import Settings
    from ..trash import Trash
    from ..volumes import Volumes
    from .registry import Container, Registry
    from .users import Identity

T = TypeVar("T")

_FILES = frozenset(("", *LOG_FILES))


class Room:
    """Passed to every verb. Holds no state of its own but the tasks that run in the background."""

    def __init__(
        self,
        *,
        state_dir: str,
        registry: Registry,
        store: Store,
        supervisor: Supervisor,
        processes: Processes,
        events: Events,
        volumes: Volumes,
        trash: Trash,
        networks: Networks,
        idranges: IdRanges,
        machine: Machine,
        settings: Settings,
    ) -> None:
        self.state_dir = state_dir
        self.registry = registry
        self.store = store
        self.supervisor = supervisor
        self.processes = processes
        self.events = events
        self.volumes = volumes
        self.trash = trash
        self.networks = networks
        self.idranges = idranges
        self.machine = machine
        self.settings = settings
        self.closing = False
        self.container_ended: Callable[[Container], None] = lambda container: None
        """Set by the engine: what else must know that a container has ended."""
        self.identities: dict[tuple[object, ...], Identity] = {}
        """Who users are in images as they came; filled by `specification`."""
        self.secret_environment: dict[str, list[str]] = {}
        """Variables of containers that no record may have, by the container's id: secrets of builds."""
        self.volatile: set[str] = set()
        """Ids of containers that need not survive a power cut: steps of builds. Their files become layers,
        which are synced themselves."""
        self.sockets_outside: Sockets | None = None
        """Makes sockets of the machine's network, for an engine that is behind one of its own."""
        self._shippers: Shippers | None = None
        self._apparmor: bool | None = None
        self._log_watcher: LogWatcher | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    def directory(self, container: Container) -> str:
        """Where a container's files are."""
        return os.path.join(self.state_dir, "containers", container.id)

    @property
    def busy(self) -> bool:
        """Whether anything runs or is about to."""
        return any(
            container.condition.alive or container.condition.status == "restarting"
            for container in self.registry
        )

    def save(self, container: Container) -> None:
        """Write its condition. On a full disk that must wait for the next change: what happened has happened,
        and the records are compared with what runs at the next start anyway."""
        from wherry.errors import WherryError

        try:
            self.registry.save(container)
        except WherryError as error:
            from ..journal import report

            report(f"the record of {container.name}", error)

    def event(self, container: Container, action: str, **more: str) -> None:
        """Tell listeners what happened to a container."""
        self.events.publish("container", action, container.id, container.attributes(**more))

    def cgroup_path(self, container: Container) -> str:
        """Where its cgroup is to be, from the top of this machine's hierarchies ("/…")."""
        parent = container.plan.host.cgroup_parent.strip("/") or "wherry"
        return f"/{home().place(f'{parent}/{container.id}')}"

    def resources(self, host: HostConfig) -> dict[str, Any]:
        """A container's limits as `linux.resources`."""
        from ..spec.resources import resources

        return resources(host)

    def apparmor_loaded(self) -> bool:
        """Whether our AppArmor profile confines containers; it is loaded when the first one starts."""
        if self._apparmor is None:
            self._apparmor = self.machine.facts.apparmor and _load_profile()
        return self._apparmor

    def log_watcher(self) -> LogWatcher:
        """What wakes those who follow logs; made at first use."""
        if self._log_watcher is None:
            from wherry.supervisor.logs.watch import LogWatcher

            self._log_watcher = LogWatcher()
        return self._log_watcher

    def delivery(self, container: Container) -> Shippers | None:
        """What delivers this container's output to a log service; None when its driver only writes files."""
        if container.plan.host.log_config.type in _FILES:
            return None
        if self._shippers is None:
            from ..logdrivers.shippers import Shippers

            self._shippers = Shippers(self, self.sockets_outside)
        return self._shippers

    def background(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run `work` by itself; a failure is printed to the engine's log. Kept alive until done."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    async def finish(self, work: Coroutine[Any, Any, T], name: str) -> T:
        """Do `work` to its end also when whoever asked for it goes away in the middle."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def settle(self) -> None:
        """Cancel what runs in the background and wait for its end."""
        self.closing = True
        while self._tasks:
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.trash.settle()
        if self._log_watcher is not None:
            self._log_watcher.close()
            self._log_watcher = None

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            from ..journal import report

            report(f"{task.get_name()} failed", task.exception())


def _load_profile() -> bool:
    from wherry.errors import WherryError
    from wherry.linux import apparmor
    from wherry.runtime import apparmor_default

    from ..journal import report

    try:
        if not apparmor.loaded(apparmor_default.NAME):
            apparmor.load(apparmor_default.text())
    except (OSError, WherryError) as error:
        report("the AppArmor profile can't be loaded", error)
        return False
    return True
