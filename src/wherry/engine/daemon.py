"""The engine's process from the loop on: opened, served, ended when it is idle or told to."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from wherry.linux import allocator

from .engine import Engine
from .journal import report, trim
from .settings import Settings, from_environment

if TYPE_CHECKING:
    import ssl

LOG_CHECK = 600.0
"""Seconds between two looks at the size of the engine's own log."""

SWEEP = 60.0
"""Seconds between two times that memory no longer used is given back."""


class Server(Protocol):
    """What is asked of whoever speaks to clients."""

    @property
    def clients(self) -> int: ...
    def listen(self, sock: socket.socket, context: ssl.SSLContext | None = ...) -> None: ...
    async def close(self, grace: float = ...) -> None: ...


Serve = Callable[[Engine, Callable[[], None]], Server]


class Start(NamedTuple):
    """What the bootstrap hands over. `own_socket` is the path to remove at the end, "" for systemd's.

    The clients of `tcp` speak TLS as `context` says; where that is None, none."""

    state_dir: str
    run_dir: str
    sockets: Sequence[socket.socket]
    own_socket: str
    idle_after: float | None
    rootless: bool
    supervisor_starting: int
    tcp: Sequence[socket.socket] = ()
    context: ssl.SSLContext | None = None


def run(start: Start, serve: Serve) -> int:
    """Run until the end; the process's exit status."""
    if os.environ.get("WHERRY_DEBUG"):
        import faulthandler

        faulthandler.register(signal.SIGUSR1, all_threads=True)  # says where every thread is
    settings = from_environment()
    if start.idle_after is not None:
        settings = settings._replace(idle_after=start.idle_after)
    return asyncio.run(_live(start, settings, serve))


async def _live(start: Start, settings: Settings, serve: Serve) -> int:
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stopping.set)
    engine = await Engine.open(
        start.state_dir,
        start.run_dir,
        settings=settings,
        rootless=start.rootless,
        own_network=start.rootless,
        supervisor_starting=start.supervisor_starting,
    )
    server = serve(engine, engine.touch)
    for sock in start.sockets:
        sock.setblocking(False)
        server.listen(sock)
    for sock in start.tcp:
        server.listen(sock, start.context)
    _tune_collector()
    sweeping = asyncio.create_task(_give_memory_back())
    try:
        await _until_over(engine, server, settings, stopping)
    finally:
        sweeping.cancel()
        await _end(start, engine, server)
    return 0


async def _until_over(engine: Engine, server: Server, settings: Settings, stopping: asyncio.Event) -> None:
    """Return when told to stop, or after a quiet period with nothing running and no client."""
    while True:
        trim()
        pause = LOG_CHECK
        if settings.idle_after > 0:
            pause = min(pause, max(0.05, engine.last_used + settings.idle_after - time.monotonic()))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), pause)
        if stopping.is_set():
            return
        if settings.idle_after <= 0:
            continue
        if engine.busy or server.clients:
            engine.touch()
        elif time.monotonic() - engine.last_used >= settings.idle_after:
            return


async def _end(start: Start, engine: Engine, server: Server) -> None:
    if start.own_socket:
        # Gone before the listening ends: a client finds no socket and starts the next engine, which waits
        # for the lock that this one holds until its very end.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(start.own_socket)
    try:
        await server.close()
        await engine.close()
    except Exception as error:  # on the way out nobody else would say it
        report("ending the engine", error)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(start.run_dir, "engine.pid"))


def _tune_collector() -> None:
    """What is loaded now stays: leave it out of every collection, and collect rarely.

    A request makes some hundred objects that reference counting frees by itself; `_give_memory_back` sees to
    the rest.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def _give_memory_back() -> None:
    """Every `SWEEP` seconds, for as long as the engine lives: builds and transfers leave some megabytes each
    in the heaps of their threads, and a cycle of few objects can hold on to large buffers."""
    while True:
        await asyncio.sleep(SWEEP)
        gc.collect()
        await asyncio.to_thread(allocator.give_back)
