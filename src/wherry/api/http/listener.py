"""The listening sockets, and who may connect to them.

Every peer's credentials are checked (SO_PEERCRED, unix(7)), besides the mode 0600 of the engine's own
socket: a mode alone does not help where it was changed by mistake. A socket handed over by systemd keeps the
mode and the owners that its unit gave it, so group members are let in there. TCP knows no credentials: with
TLS the client's certificate says that it may, without, the socket is on loopback and was asked for, and
what browsers send is refused.
"""

from __future__ import annotations

import asyncio
import functools
import os
import socket
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING

from wherry.api.http.connection import Connection, Handler, Peer
from wherry.api.http.response import Response

if TYPE_CHECKING:
    import ssl

_AT_ONCE = 64
_REFUSAL = Response(403, b'{"message":"permission denied: this engine belongs to another user"}\n').encode(
    "", keep_alive=False, head_only=False
)


class Listener:
    """Accepts on any number of sockets and keeps count of the connections."""

    def __init__(
        self,
        handler: Handler,
        *,
        on_quiet: Callable[[], None] | None = None,
        lent: Callable[[int, str], bool] = lambda uid, path: False,
    ) -> None:
        """`on_quiet` is called when the last connection ends (an engine may end when idle); `lent` says
        whether a user that nobody else lets in may use the socket at a path."""
        self._handler = handler
        self._lent = lent
        self._on_quiet = on_quiet
        self._sockets: list[socket.socket] = []
        self._connections: dict[Connection, asyncio.Task[None]] = {}
        self._carried: set[asyncio.Task[None]] = set()

    @property
    def connections(self) -> int:
        """Clients connected now, hijacked ones not counted."""
        return len(self._connections)

    def listen(self, sock: socket.socket, context: ssl.SSLContext | None = None) -> None:
        """Serve a socket that listens already: bound before the event loop ran, or systemd's.

        `context`, for TCP: clients speak TLS and prove who they are.
        """
        sock.setblocking(False)
        self._sockets.append(sock)
        asyncio.get_running_loop().add_reader(sock, self._accept, sock, context)

    async def close(self, grace: float) -> None:
        """Stop accepting, let running requests finish for `grace` seconds, then cancel them."""
        loop = asyncio.get_running_loop()
        for sock in self._sockets:
            loop.remove_reader(sock)
            sock.close()
        self._sockets.clear()
        for connection in list(self._connections):
            connection.stop()
        tasks = list(self._connections.values())
        if tasks:
            _, pending = await asyncio.wait(tasks, timeout=grace)
            for task in pending:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in self._carried:
            task.cancel()
        await asyncio.gather(*self._carried, return_exceptions=True)

    def _accept(self, sock: socket.socket, context: ssl.SSLContext | None) -> None:
        for _ in range(_AT_ONCE):
            try:
                client, _address = sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:  # out of descriptors: the backlog holds them until some are free
                return
            client.setblocking(False)
            if context is not None:
                task = asyncio.get_running_loop().create_task(self._carry(client, context))
                self._carried.add(task)
                task.add_done_callback(self._carried.discard)
                continue
            peer = _peer_of(client)
            if not _allowed(sock, peer) and not self._lent(peer.uid, _path(sock)):
                try:
                    client.send(_REFUSAL, socket.MSG_NOSIGNAL)
                except OSError:
                    pass
                client.close()
                continue
            self._serve(client, peer)

    def _serve(self, client: socket.socket, peer: Peer) -> None:
        connection = Connection(client, peer, self._handler)
        task = asyncio.get_running_loop().create_task(connection.serve())
        self._connections[connection] = task
        task.add_done_callback(functools.partial(self._forget, connection))

    async def _carry(self, client: socket.socket, context: ssl.SSLContext) -> None:
        """One client behind TLS, from its handshake to its end."""
        from wherry.api.http.tls import Carrier, Refused

        try:
            carrier = Carrier(client, context)
            await carrier.handshake()
            ours, theirs = socket.socketpair()
            ours.setblocking(False)
            theirs.setblocking(False)
            self._serve(theirs, Peer(0, os.geteuid(), os.getegid()))
            await carrier.carry(ours)
        except (Refused, OSError):
            pass
        finally:
            client.close()

    def _forget(self, connection: Connection, _task: asyncio.Task[None]) -> None:
        connection.close()
        self._connections.pop(connection, None)
        if not self._connections and self._on_quiet is not None:
            self._on_quiet()


def _peer_of(client: socket.socket) -> Peer:
    if client.family != socket.AF_UNIX:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return Peer(-1, -1, -1)
    return Peer(*struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)))


def _path(listening: socket.socket) -> str:
    """Where a Unix socket is found: `bootstrap.sockets` binds it under another name first."""
    name = listening.getsockname()
    return name.removesuffix(".new") if isinstance(name, str) else ""


def _allowed(listening: socket.socket, peer: Peer) -> bool:
    """Root and the engine's own user; and the group of a socket whose mode lets the group in."""
    if peer.uid in (0, os.geteuid()):
        return True
    if listening.family != socket.AF_UNIX:
        return True  # bound to loopback only, see `engine.bootstrap.tcp`
    try:
        mode = os.stat(listening.getsockname())
    except (OSError, ValueError, TypeError):
        return False
    # connect(2) needs write permission: the kernel has checked it against all of the peer's groups already
    return bool(mode.st_mode & 0o020) and mode.st_uid in (0, os.geteuid())
