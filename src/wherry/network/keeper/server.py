"""What the engine tells the keeper, and what the keeper does about it.

A SOCK_SEQPACKET Unix socket carries one JSON object each way, with descriptors by SCM_RIGHTS:

    join      network, label, container, addresses, names,    a container is in a network, called so, calling
              links                                           others by words of its own
    leave     network, container
    serve     container, upstreams  + datagram, listener      answer the container's questions
    dismiss   container                                       … no more
    hold      protocol, host_ip, host_port, target            bind a port and carry what comes in → port
    release   key                                             protocol/host_ip/host_port, as in `held`
    place     + network namespace                             where containers are, if not where we are
    socket    family, type, protocol                          → + a socket of the network that we are in
    start     command, environment                            run a program that lives on by itself here
    end                                                       stop serving
    list                                                      → networks, served, held

The reply is {"ok": …} or {"error": "…", "errno": …}. `join` and `serve` of what is there replace it, so an
engine that comes back may say everything again.
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
from wherry.network.keeper.reach import Reach, bind
from wherry.network.keeper.resolver import Resolver
from wherry.network.keeper.starting import start
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
        self._held: dict[str, StreamForwarder | DatagramForwarder] = {}
        self._reach = Reach()
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
            data, ancillary, _, _ = connection.recvmsg(
                _LARGEST, socket.CMSG_SPACE(4 * 4), socket.MSG_CMSG_CLOEXEC
            )
        except OSError:
            data, ancillary = b"", []
        for level, kind, body in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                descriptors.frombytes(body[: len(body) - len(body) % 4])
        if not data:
            self.loop.forget(connection.fileno())
            self._engines.discard(connection)
            connection.close()
            return
        reply: Request
        try:
            reply = {"ok": self._carry_out(json.loads(data), descriptors)}
        except OSError as error:
            reply = {"error": error.strerror or str(error), "errno": error.errno or 0}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        sent = list(descriptors) if reply.get("ok", {}).get("socket") else []
        try:
            socket.send_fds(connection, [json.dumps(reply).encode()], sent)
        except OSError:
            pass  # the engine is gone; its end will be noticed next
        for one in descriptors:  # those that nobody took, and ours of what was sent
            os.close(one)

    def _carry_out(self, request: Request, descriptors: array.array[int]) -> Request:
        match request["op"]:
            case "join":
                names, links = (tuple(n.lower() for n in request["names"]), request.get("links", {}))
                member = Member(
                    tuple(request["addresses"]), names, {k.lower(): v.lower() for k, v in links.items()}
                )
                self._names.join(request["network"], request["label"], request["container"], member)
            case "leave":
                self._names.leave(request["network"], request["container"])
            case "serve":
                self._dismiss(request["container"])
                listener, datagrams = (socket.socket(fileno=descriptors.pop()) for _ in range(2))
                self._resolvers[request["container"]] = Resolver(
                    self.loop, self._names, request["container"], datagrams, listener, request["upstreams"]
                )
            case "dismiss":
                self._dismiss(request["container"])
            case "hold":
                return {"port": self._hold(request)}
            case "release":
                self._release(request["key"])
            case "socket":
                kind = int(request["type"]) | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
                made = socket.socket(request["family"], kind, request["protocol"])
                descriptors.append(made.detach())
                return {"socket": True}
            case "start":
                start(request["command"], request["environment"])
            case "end":
                self.ended = True
            case "place":
                self._reach.place(descriptors[0])
            case "list":
                return {
                    "networks": self._names.snapshot(),
                    "served": sorted(self._resolvers),
                    "held": sorted(self._held),
                }
            case other:
                raise ValueError(f"unknown operation {other!r}")
        return {}

    def _hold(self, request: Request) -> int:
        protocol, host_ip = request["protocol"], request["host_ip"]
        held = bind(protocol, host_ip, request["host_port"])
        port = int(held.getsockname()[1])
        host, target_port = request["target"]
        one: StreamForwarder | DatagramForwarder
        if protocol == "udp":
            one = DatagramForwarder(self.loop, held, (host, target_port), self._reach)
        else:
            one = StreamForwarder(self.loop, held, (host, target_port), self._reach, protocol)
        self._held[f"{protocol}/{host_ip}/{port}"] = one
        return port

    def _dismiss(self, container: str) -> None:
        resolver = self._resolvers.pop(container, None)
        if resolver is not None:
            resolver.close()

    def _release(self, key: str) -> None:
        held = self._held.pop(key, None)
        if held is not None:
            held.close()
