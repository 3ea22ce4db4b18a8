"""The kernel's side of networks, made when the first container needs it: loading it costs a start-up time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from wherry.errors import Unavailable, WherryError
from wherry.store.database import Database
from wherry.supervisor import spawn

from .bootstrap import rootless
from .machine import Machine

if TYPE_CHECKING:
    from wherry.network.keeping import Keeper
    from wherry.network.networks import Networks as Kernel


_USUAL = "/run/wherry"
_PATIENCE = 20  # seconds until a supervisor listens
_LEFT = "SELECT 1 FROM endpoints UNION SELECT 1 FROM published_ports LIMIT 1"


def sockets_outside(run_dir: str) -> Callable[[Any], socket.socket]:
    """Makes sockets of the machine's network for an engine that is behind one of its own."""
    keeper: list[Keeper] = []

    def make(address: Any) -> socket.socket:
        from wherry.network.keeping import Keeper

        if not keeper:
            keeper.append(Keeper(run_dir, behind=True))
        return keeper[0].new_socket(address[0], address[1], address[2])

    return make


async def supervisor_outside(state_dir: str, run_dir: str) -> None:
    """Start a supervisor in the machine's network, from an engine that is behind one of its own: for
    `--network host`. Raises `Unavailable`."""
    from wherry.network.keeping import Keeper

    def start() -> None:
        with contextlib.closing(Keeper(run_dir, behind=True)) as keeper:
            keeper.start(spawn.command(state_dir, run_dir), spawn.environment())

    await asyncio.to_thread(start)
    for _ in range(_PATIENCE * 50):
        if await asyncio.to_thread(rootless.supervisor_pid, run_dir):
            return
        await asyncio.sleep(0.02)
    raise Unavailable("the supervisor did not start", hint="`wherry engine stop`, then again")


class Lazy:
    """Call it for `wherry.network`'s object. Raises `Unavailable` where this machine can't have networks."""

    def __init__(self, database: Database, run_dir: str, machine: Machine) -> None:
        self._database = database
        self._run_dir = run_dir
        # There from the first bridge to the last: an engine that is killed in between leaves it to the next.
        self._raised = os.path.join(run_dir, "networks")
        self._machine = machine
        self._lock = threading.Lock()
        self._made: Kernel | None = None
        self.on_keeper_lost: Callable[[], None] | None = None
        self._failure: WherryError | None = None

    @property
    def made(self) -> Kernel | None:
        """The object, if anybody has called for it."""
        return self._made

    def used(self) -> bool:
        """Whether there is something to bring in line or to wind down: this engine or one before it made
        networks. Costs one query."""
        if self._made is not None or self._machine.own_network or os.path.exists(self._raised):
            return True
        query = "SELECT 1 FROM sqlite_master WHERE name = 'endpoints'"
        return self._database.one(query) is not None and self._database.one(_LEFT) is not None

    def end(self) -> None:
        """Take bridges, firewall and the keeper away; no container is in a network any more."""
        kernel = self()
        kernel.end()
        self._made = None
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._raised)

    def __call__(self) -> Kernel:
        with self._lock:  # two would take each other's changes for somebody's flush, and heal for ever
            if self._failure is not None:
                raise self._failure
            if self._made is None:
                try:
                    self._made = self._make()
                except (OSError, WherryError) as error:
                    self._failure = Unavailable(f"networks can't be used on this machine: {error}")
                    raise self._failure from error
            return self._made

    def _make(self) -> Kernel:
        from wherry.network.keeping import Keeper
        from wherry.network.networks import Networks

        keeper = Keeper(self._run_dir, behind=self._machine.own_network)
        keeper.on_lost = self.on_keeper_lost
        if self._machine.own_network and not keeper.wait(10.0):
            raise Unavailable("the network keeper did not start", hint="`wherry engine stop`, then again")
        os.close(os.open(self._raised, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        # engines of other homes share the machine's network, but not our tables
        name = "wherry" if self._run_dir == _USUAL else f"wherry-{zlib.crc32(self._run_dir.encode()):08x}"
        return Networks(self._database, keeper, name=name, behind=self._machine.own_network)
