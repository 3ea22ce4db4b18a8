"""Carries UDP datagrams from a held port to a container and back, one socket for each client."""

from __future__ import annotations

import socket
import time

from wherry.network.keeper.loop import READ, Loop
from wherry.network.keeper.reach import Address, Reach

_IDLE = 90.0  # seconds without a datagram until a client is forgotten
_CLIENTS = 1024  # of one port; the one that was silent longest makes room


class DatagramForwarder:
    """Receives on a bound socket and speaks to `target` for each client with a socket of its own."""

    def __init__(self, loop: Loop, bound: socket.socket, target: Address, reach: Reach) -> None:
        self._loop = loop
        self._bound = bound
        self._target = target
        self._reach = reach
        self._clients: dict[Address, tuple[socket.socket, float]] = {}
        loop.watch(bound.fileno(), READ, self._receive)
        self._sweep()

    def close(self) -> None:
        self._loop.forget(self._bound.fileno())
        self._bound.close()
        for client in list(self._clients):
            self._forget(client)

    def _receive(self, _: int) -> None:
        for _ in range(64):
            try:
                data, client = self._bound.recvfrom(65535)
            except BlockingIOError:
                return
            except OSError:
                continue
            known = self._clients.pop(client, None)
            upstream = known[0] if known else self._connect(client)
            if upstream is None:
                continue
            self._clients[client] = (upstream, time.monotonic())  # newest last
            try:
                upstream.send(data)
            except OSError:
                pass  # nobody listens in the container, as a datagram may find

    def _connect(self, client: Address) -> socket.socket | None:
        if len(self._clients) >= _CLIENTS:
            self._forget(next(iter(self._clients)))
        try:
            upstream = self._reach.connect("udp", self._target, client[:2])
        except OSError:
            return None
        self._loop.watch(upstream.fileno(), READ, lambda _: self._return(upstream, client))
        return upstream

    def _return(self, upstream: socket.socket, client: Address) -> None:
        for _ in range(64):
            try:
                self._bound.sendto(upstream.recv(65535), client)
            except BlockingIOError:
                return
            except OSError:
                return

    def _forget(self, client: Address) -> None:
        upstream, _ = self._clients.pop(client)
        self._loop.forget(upstream.fileno())
        upstream.close()

    def _sweep(self) -> None:
        if self._bound.fileno() < 0:
            return
        oldest = time.monotonic() - _IDLE
        for client, (_, seen) in list(self._clients.items()):
            if seen >= oldest:
                break
            self._forget(client)
        self._loop.later(_IDLE / 3, self._sweep)
