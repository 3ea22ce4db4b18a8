"""What the engine tells the keeper, and what the keeper does about it.

A SOCK_SEQPACKET Unix socket carries one JSON object each way, with descriptors by SCM_RIGHTS:

    join      network, label, container, addresses, names     a container is in a network and called so
    leave     network, container
    serve     container, upstreams  + datagram, listener      answer the container's questions
    dismiss   container                                       … no more
    hold      key, protocol, target + socket                  carry what comes in on it to the target
    release   key
    list                                                      → networks, served, held

The reply is {"ok": …} or {"error": "…"}. `serve` and `hold` of what is there replace it, so an engine that
comes back may say everything again.
"""

from __future__ import annotations

import array
import json
import os
import socket
import struct
from typing import Any

from wherry.network.keeper.datagrams import DatagramForwarder
from wherry.network.keeper.loop import READ, Loop
from wherry.network.keeper.names import Member, Names
from wherry.network.keeper.resolver import Resolver
from wherry.network.keeper.streams import StreamForwarder

_LARGEST = 1 << 20
_LINGER = 30.0  # seconds without an engine and without work until the keeper ends

Request = dict[str, Any]


class Server:
    """The control socket and everything that was asked for through it."""

    def __init__(self, listener: socket.socket) -> None:
        self.loop = Loop()
        self._names = Names()
        self._resolvers: dict[str, Resolver] = {}
        self._held: dict[str, StreamForwarder | DatagramForwarder | socket.socket] = {}
        self._listener = listener
        self._engines: set[socket.socket] = set()
        self.ended = False
        listener.setblocking(False)
        self.loop.watch(listener.fileno(), READ, self._accept)
        self.loop.later(_LINGER, self._consider_ending)

    def run(self) -> None:
        """Serve until there is nothing to serve."""
        while not self.ended:
            self.loop.turn()

    def _consider_ending(self) -> None:
        if self._engines or self._resolvers or self._held:
            self.loop.later(_LINGER, self._consider_ending)
        else:
            self.ended = True

    def _accept(self, _: int) -> None:
        try:
            connection, _address = self._listener.accept()
        except OSError:
            return
        _, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if uid != os.geteuid():
            connection.close()
            return
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _LARGEST)
        self._engines.add(connection)
        self.loop.watch(connection.fileno(), READ, lambda _: self._receive(connection))

    def _receive(self, connection: socket.socket) -> None:
        descriptors = array.array("i")
        try:
            data, ancillary, _, _ = connection.recvmsg(_LARGEST, socket.CMSG_SPACE(4 * 4))
        except OSError:
            data, ancillary = b"", []
        for level, kind, body in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                descriptors.frombytes(body[: len(body) - len(body) % 4])
        sockets = [socket.socket(fileno=one) for one in descriptors]
        if not data:
            self.loop.forget(connection.fileno())
            self._engines.discard(connection)
            connection.close()
            return
        reply: Request
        try:
            reply = {"ok": self._carry_out(json.loads(data), sockets)}
        except (KeyError, TypeError, ValueError, AttributeError, OSError) as error:
            for one in sockets:
                one.close()
            reply = {"error": f"{type(error).__name__}: {error}"}
        try:
            connection.send(json.dumps(reply).encode())
        except OSError:
            pass  # the engine is gone; its end will be noticed next

    def _carry_out(self, request: Request, sockets: list[socket.socket]) -> Request:
        match request["op"]:
            case "join":
                member = Member(tuple(request["addresses"]), tuple(n.lower() for n in request["names"]))
                self._names.join(request["network"], request["label"], request["container"], member)
            case "leave":
                self._names.leave(request["network"], request["container"])
            case "serve":
                self._dismiss(request["container"])
                datagrams, listener = sockets
                self._resolvers[request["container"]] = Resolver(
                    self.loop, self._names, request["container"], datagrams, listener, request["upstreams"]
                )
            case "dismiss":
                self._dismiss(request["container"])
            case "hold":
                self._release(request["key"])
                self._held[request["key"]] = self._hold(request, *sockets)
            case "release":
                self._release(request["key"])
            case "list":
                return {
                    "networks": self._names.snapshot(),
                    "served": sorted(self._resolvers),
                    "held": sorted(self._held),
                }
            case other:
                raise ValueError(f"unknown operation {other!r}")
        return {}

    def _hold(
        self, request: Request, held: socket.socket
    ) -> StreamForwarder | DatagramForwarder | socket.socket:
        host, port = request["target"]
        if request["protocol"] == "tcp":
            return StreamForwarder(self.loop, held, (host, port))
        if request["protocol"] == "udp":
            return DatagramForwarder(self.loop, held, (host, port))
        return held  # SCTP: the firewall leads it; the port is only kept from others

    def _dismiss(self, container: str) -> None:
        resolver = self._resolvers.pop(container, None)
        if resolver is not None:
            resolver.close()

    def _release(self, key: str) -> None:
        held = self._held.pop(key, None)
        if held is not None:
            held.close()
