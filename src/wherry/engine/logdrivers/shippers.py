"""All containers whose output is delivered elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
from typing import TYPE_CHECKING

from wherry.errors import Internal, WherryError

from ..journal import say
from .options import parse
from .shipper import Shipper
from .tags import About

if TYPE_CHECKING:
    from ..containers.registry import Container
    from ..containers.room import Room
    from .destination import Sockets

PATIENCE_AT_THE_END = 5.0
"""Seconds that the removal of a container waits for what is not delivered yet."""


class Shippers:
    """One shipper for each running container whose driver is a remote one."""

    def __init__(self, room: Room, sockets: Sockets | None) -> None:
        """`sockets` makes those that connect, where this process is not in the machine's network itself."""
        self._room = room
        self._sockets = sockets
        self._running: dict[str, tuple[Shipper, asyncio.Task[None]]] = {}

    async def prepare(self, container: Container) -> Shipper:
        """Reach the destination before the container starts. Raises Internal, in Docker's words, when it is
        not there (unless the options say that this may wait)."""
        shipper = self._make(container)
        options = container.plan.host.log_config.config or {}
        if options.get("fluentd-async", "").lower() in ("true", "1", "t"):
            return shipper
        try:
            await shipper.connect()
        except (OSError, WherryError) as error:
            shipper.close()
            text = error.strerror or str(error) if isinstance(error, OSError) else error.message
            where = options.get(f"{container.plan.host.log_config.type}-address", "")
            raise Internal(
                f"failed to initialize logging driver: {where + ': ' if where else ''}{text}",
                hint="is the log service running?",
            ) from None
        return shipper

    def begin(self, container: Container, shipper: Shipper | None = None) -> None:
        """Deliver from now on: with what `prepare` made, or anew for a container of the engine before."""
        if container.id in self._running:
            return
        try:
            shipper = shipper or self._make(container)
        except WherryError as error:
            say(f"container {container.name}: {error.message}")
            return
        task = self._room.background(shipper.run(), f"log delivery of {container.name}")
        self._running[container.id] = (shipper, task)
        task.add_done_callback(lambda _: self._forget(container.id, shipper))

    def ended(self, container: Container) -> None:
        """The container has ended: deliver what is left, then stop."""
        found = self._running.get(container.id)
        if found is not None:
            found[0].container_ended()

    async def finish(self, container: Container) -> None:
        """Wait a while for what is left, before the container's log is removed or it runs again."""
        found = self._running.get(container.id)
        if found is None:
            return
        self.ended(container)
        shipper, task = found
        _, late = await asyncio.wait([task], timeout=PATIENCE_AT_THE_END)
        if late:
            say(f"container {container.name}: the rest of its output could not be delivered")
            shipper.close()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def _make(self, container: Container) -> Shipper:
        plan = container.plan
        logging = plan.host.log_config
        remote = parse(logging.type, logging.config or {}).remote
        about = About(
            container.id,
            container.name,
            plan.image_id,
            plan.image_name,
            plan.config.labels or {},
            tuple(plan.config.env or ()),
        )
        module = importlib.import_module(f"{__package__}.{remote}")
        directory = self._room.directory(container)
        return Shipper(
            os.path.join(directory, "container.log"),
            os.path.join(directory, "delivered.json"),
            module.Destination(about, logging.config or {}, self._sockets),
            self._room.log_watcher(),
            lambda text: say(f"container {container.name}: {text}"),
        )

    def _forget(self, identifier: str, shipper: Shipper) -> None:
        found = self._running.get(identifier)
        if found is not None and found[0] is shipper:
            del self._running[identifier]
