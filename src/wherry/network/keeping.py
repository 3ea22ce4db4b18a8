"""The engine's side of the keeper: starts it, makes its sockets, and tells it what to do with them."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable
from typing import Any

import wherry
from wherry.errors import Internal, Unavailable
from wherry.linux import nftables as nft
from wherry.linux.netlink import Netlink
from wherry.network.links import inside
from wherry.network.model import PublishedPort

RESOLVER = "127.0.0.11"
"""Where a container finds its resolver, as in Docker."""

Opener = Callable[[int, int, int, tuple[str, int]], socket.socket]
"""(family, type, protocol, address) → a bound socket of the host's network namespace."""


class Keeper:
    """A connection to the keeper, made when first needed; blocking, for one thread at a time."""

    def __init__(self, run_dir: str, opener: Opener | None = None) -> None:
        self._path = os.path.join(run_dir, "keeper.sock")
        self._opener = opener or open_here
        self._connection: socket.socket | None = None
        self.fresh = False  # the keeper was started by us, so it knows nothing yet

    def close(self) -> None:
        """Leave the keeper to itself; it goes on serving."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # ports

    def hold(self, port: PublishedPort, container_address: str) -> int:
        """Bind a published port (0: a free one) and have the keeper carry what the firewall does not lead.

        Returns the port's number. Raises OSError (EADDRINUSE, EACCES, …).
        """
        try:
            bound = self._bind(port)
        except OSError as error:
            if port.protocol == "sctp" and error.errno in (errno.EPROTONOSUPPORT, errno.ESOCKTNOSUPPORT):
                return port.host_port  # no SCTP sockets here that could take the port from us
            raise
        with bound:
            number = int(bound.getsockname()[1])
            target = [container_address, port.container_port]
            message = {"op": "hold", "protocol": port.protocol, "target": target}
            self.request({**message, "key": port._replace(host_port=number).key}, bound.fileno())
            return number

    def release(self, key: str) -> None:
        """Let go of a published port, by its `key`."""
        self.request({"op": "release", "key": key})

    def _bind(self, port: PublishedPort) -> socket.socket:
        kinds = {
            "tcp": (socket.SOCK_STREAM, socket.IPPROTO_TCP),
            "udp": (socket.SOCK_DGRAM, socket.IPPROTO_UDP),
            "sctp": (socket.SOCK_STREAM, socket.IPPROTO_SCTP),
        }
        kind, protocol = kinds[port.protocol]
        if port.host_ip:
            family = socket.AF_INET6 if ":" in port.host_ip else socket.AF_INET
            return self._opener(family, kind, protocol, (port.host_ip, port.host_port))
        try:  # one socket for both IP versions
            return self._opener(socket.AF_INET6, kind, protocol, ("::", port.host_port))
        except OSError as error:
            if error.errno not in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
                raise
        return self._opener(socket.AF_INET, kind, protocol, ("0.0.0.0", port.host_port))  # noqa: S104

    # names

    def join(
        self, network: str, label: str, container: str, addresses: Iterable[str], names: Iterable[str]
    ) -> None:
        """Make a container known by `names` to the others in a network; again to change them."""
        who = {"network": network, "label": label, "container": container}
        self.request({"op": "join", **who, "addresses": list(addresses), "names": list(names)})

    def leave(self, network: str, container: str) -> None:
        self.request({"op": "leave", "network": network, "container": container})

    def serve(self, container: str, namespace: int, upstreams: Iterable[str]) -> None:
        """Answer the questions of a container at 127.0.0.11:53 in its network namespace.

        The sockets take free ports, and the namespace's own firewall leads port 53 to them, so that a
        container can run a name server of its own.
        """
        with inside(namespace):
            datagrams = open_here(socket.AF_INET, socket.SOCK_DGRAM, 0, (RESOLVER, 0))
            listener = open_here(socket.AF_INET, socket.SOCK_STREAM, 0, (RESOLVER, 0))
            netlink = Netlink(nft.NETLINK_NETFILTER)
        with datagrams, listener, netlink:
            _lead(netlink, datagrams.getsockname()[1], listener.getsockname()[1])
            message = {"op": "serve", "container": container, "upstreams": list(upstreams)}
            self.request(message, datagrams.fileno(), listener.fileno())

    def dismiss(self, container: str) -> None:
        self.request({"op": "dismiss", "container": container})

    def known(self) -> dict[str, Any]:
        """What the keeper does now: `networks`, `served`, `held`."""
        return self.request({"op": "list"})

    # the connection

    def request(self, message: dict[str, Any], *descriptors: int) -> dict[str, Any]:
        """Say one thing and wait for the reply; starts the keeper when there is none.

        Raises Internal for what the keeper refuses, Unavailable when it can't be started.
        """
        for attempt in (1, 2):
            connection = self._connection or self._connect()
            try:
                socket.send_fds(connection, [json.dumps(message).encode()], list(descriptors))
                data = connection.recv(1 << 20)
            except OSError:
                data = b""
            if data:
                reply: dict[str, Any] = json.loads(data)
                if "error" in reply:
                    raise Internal(f"network keeper: {reply['error']}")
                ok: dict[str, Any] = reply["ok"]
                return ok
            connection.close()
            self._connection = None
            if attempt == 2:
                break
        raise Unavailable("the network keeper does not answer", hint="run the command again")

    def running(self) -> bool:
        """Connect to a keeper that is there; False, and none is started, when there is none."""
        if self._connection is None:
            try:
                self._connection = self._dial()
            except OSError:
                return False
        return True

    def _dial(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
        try:
            connection.connect(self._path)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        except OSError:
            connection.close()
            raise
        return connection

    def _connect(self) -> socket.socket:
        with open(f"{self._path}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                self._connection = self._dial()
            except OSError:
                self._start()
                self._connection = self._dial()
                self.fresh = True
        return self._connection

    def _start(self) -> None:
        source = os.path.dirname(os.path.dirname(os.path.abspath(wherry.__file__)))
        command = [sys.executable, "-S", "-P", "-m", "wherry.network.keeper", self._path]
        environment = {"PYTHONPATH": source, "LC_ALL": "C.UTF-8", "PATH": os.environ.get("PATH", "")}
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True)
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise Unavailable(f"the network keeper did not start: {said[-1] if said else done.returncode}")


def open_here(family: int, kind: int, protocol: int, address: tuple[str, int]) -> socket.socket:
    """A bound (and, for streams, listening) socket of the calling thread's network namespace.

    Raises OSError.
    """
    one = socket.socket(family, kind | socket.SOCK_CLOEXEC, protocol)
    try:
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if address[0] == "::" else 1)
        if kind == socket.SOCK_STREAM:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(address)
        if kind == socket.SOCK_STREAM:
            one.listen(1024)
    except OSError:
        one.close()
        raise
    return one


def _lead(netlink: Netlink, datagram_port: int, stream_port: int) -> None:
    """Lead 127.0.0.11:53 in a container's namespace to the ports of the keeper's sockets there."""
    batch = nft.Batch("wherry_names")
    if "wherry_names" in nft.tables(netlink):  # of an earlier keeper; to delete one takes milliseconds
        batch.delete_table()
    batch.add_table()
    batch.add_chain(nft.Chain("output", "nat", nft.OUTPUT, -100))
    for protocol, number in ((b"\x11", datagram_port), (b"\x06", stream_port)):
        batch.add_rule(
            "output",
            nft.meta("nfproto"),
            nft.compare(b"\x02"),
            nft.payload(1, 16, 4),
            nft.compare(nft.ipv4(RESOLVER)),
            nft.meta("l4proto"),
            nft.compare(protocol),
            nft.payload(2, 2, 2),
            nft.compare(nft.port(53)),
            nft.constant(nft.ipv4(RESOLVER) + nft.port(number)),
            nft.dnat(socket.AF_INET),
        )
    batch.commit(netlink)
