"""The Docker Engine API over an engine: sockets in front, the engine's managers behind."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from wherry import __version__
from wherry.api import failure, versions
from wherry.api.areas import AREAS
from wherry.api.call import Call
from wherry.api.http import Listener, Request, Response
from wherry.api.routing import Router
from wherry.api.streams.pump import pumps
from wherry.errors import Invalid

if TYPE_CHECKING:
    import ssl

    from wherry.engine.engine import Engine

_BASE = (
    f"Api-Version: {versions.NEWEST}\r\n"
    "Docker-Experimental: false\r\n"
    "Ostype: linux\r\n"
    f"Server: wherry/{__version__} (linux)\r\n"
)


class Server:
    """Serves one engine on any number of sockets. Made in a running event loop; `close` ends it."""

    def __init__(self, engine: Engine, *, on_quiet: Callable[[], None] | None = None) -> None:
        """`on_quiet` is called each time the last client has gone."""
        self._engine = engine
        self._router = Router(AREAS)
        self._listener = Listener(self._handle, on_quiet=on_quiet, lent=engine.lent)

    @property
    def clients(self) -> int:
        """Connected clients, those with hijacked streams too."""
        return self._listener.connections + len(pumps)

    def listen(self, sock: socket.socket, context: ssl.SSLContext | None = None) -> None:
        """Serve a listening socket: systemd's, or one bound earlier; with TLS as `context` says."""
        self._listener.listen(sock, context)

    async def close(self, grace: float = 5.0) -> None:
        """Accept no more, let what runs finish for `grace` seconds, then cut it off."""
        await self._listener.close(grace)
        for pump in list(pumps):
            pump.close()

    async def _handle(self, request: Request) -> None:
        request.base = _BASE
        self._engine.touch()
        try:
            response = await self._dispatch(request)
        except (ConnectionError, TimeoutError, asyncio.CancelledError):
            raise
        except Exception as error:
            if request.answered:
                failure.report_unless_known(error)
                raise ConnectionAbortedError("the stream broke off") from error  # the client must notice
            response = failure.to_response(error)
        if response is not None and not request.answered:
            await request.respond(response)

    async def _dispatch(self, request: Request) -> Response | None:
        if request.from_browser:
            return failure.message(403, "requests of web pages are refused")
        try:
            version, path = versions.split(request.head.path)
        except Invalid as error:
            return failure.message(400, error.message)
        found = self._router.find(request.head.method, path)
        if found is None:
            return failure.message(404, "page not found")
        route, params = found
        request.cancellable = route.serves_client
        return await route.handle(Call(self._engine, request, version, params))
