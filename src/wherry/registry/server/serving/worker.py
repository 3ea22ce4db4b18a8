"""One process that serves: until it is told to stop, and until what it was doing is done."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket

from aiohttp import web

from wherry.registry.server import quantities
from wherry.registry.server.app import application
from wherry.registry.server.assembly import assemble, driver
from wherry.registry.server.serving.certificates import Certificates
from wherry.registry.server.settings import Settings
from wherry.registry.server.upkeep.verbs import keep_in_order

WATCHED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
"""Blocked from before there is a socket to connect to until they are handled: none ends a process early."""


def work(settings: Settings, listening: socket.socket, number: int, workers: int, parent: int = -1) -> None:
    """Serve on a socket. Returns after SIGTERM or SIGINT, or when the pipe `parent` is closed.

    WATCHED must be blocked.
    """
    logging.basicConfig(format="%(asctime)s %(name)s: %(message)s", level=logging.WARNING)
    asyncio.run(_serve(settings, listening, number, workers, parent))


async def _serve(
    settings: Settings, listening: socket.socket, number: int, workers: int, parent: int
) -> None:
    storage = driver(settings)
    mine = assemble(settings, storage, worker=number, workers=workers)
    app = application(
        storage,
        grants=settings.grants(),
        with_parts=mine,
        caches=settings.cache,
        page=settings.page,
    )
    patience = quantities.seconds(settings.stop_timeout)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1, keepalive_timeout=75)
    await runner.setup()
    certificates = Certificates(settings.tls) if settings.tls is not None else None
    context = certificates.context if certificates is not None else None
    site = web.SockSite(runner, listening, backlog=1024, ssl_context=context)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number_of_signal in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number_of_signal, stop.set)

    def reopen() -> None:
        mine.audit.reopen()
        if certificates is not None:
            certificates.renew()

    loop.add_signal_handler(signal.SIGHUP, reopen)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
    if parent >= 0:
        loop.add_reader(parent, stop.set)
    await site.start()
    server = runner.server
    assert server is not None
    beside = [asyncio.create_task(mine.patience.watch(lambda: server.connections))]
    if number == 0 and settings.collection.every:
        beside.append(asyncio.create_task(keep_in_order(settings, storage, mine.metrics)))
    if certificates is not None:
        beside.append(asyncio.create_task(certificates.watch()))
    await stop.wait()
    for task in beside:
        task.cancel()
    if parent >= 0:
        loop.remove_reader(parent)
        os.close(parent)
    await site.stop()
    until = loop.time() + patience
    # aiohttp breaks uploads off when it ends
    while mine.metrics.value("in_flight") and loop.time() < until:  # noqa: ASYNC110 (a number, no event)
        await asyncio.sleep(0.05)
    await runner.cleanup()
    mine.metrics.save()
