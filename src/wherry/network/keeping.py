"""The engine's side of the keeper: starts it, makes its sockets, and tells it what to do with them."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import select
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from wherry.errors import Internal, Unavailable
from wherry.linux import nftables as nft
from wherry.linux.netlink import Netlink
from wherry.network import way_out
from wherry.network.keeper import command
from wherry.network.links import inside
from wherry.network.model import PublishedPort

_TRIES = 6

RESOLVER = "127.0.0.11"
"""Where a container finds its resolver, as in Docker."""


class Keeper:
    """A connection to the keeper, made when first needed; blocking, for one thread at a time."""

    def __init__(self, run_dir: str, *, behind: bool = False) -> None:
        """`behind`: this engine's network namespace is not the machine's (rootless), so it can't start a
        keeper there."""
        self._run_dir = run_dir
        self._path = command.socket_path(run_dir)
        self._behind = behind
        self._connection: socket.socket | None = None
        self.on_lost: Callable[[], None] | None = None
        """Called, in a thread of its own, when the keeper went away while we were connected."""

    def close(self) -> None:
        """Leave the keeper to itself; it goes on serving."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.shutdown(socket.SHUT_RDWR)  # wakes the thread that watches it
            connection.close()

    # ports

    def hold(self, port: PublishedPort, container_address: str) -> int:
        """Bind a published port (0: a free one) and have the keeper carry what the firewall does not lead.

        Returns the port's number. Raises OSError (EADDRINUSE, EACCES, …).
        """
        target = [container_address, port.container_port]
        where = {"protocol": port.protocol, "host_ip": port.host_ip, "host_port": port.host_port}
        try:
            return int(self.request({"op": "hold", **where, "target": target})["port"])
        except OSError as error:
            if port.protocol == "sctp" and error.errno in (errno.EPROTONOSUPPORT, errno.ESOCKTNOSUPPORT):
                return port.host_port  # no SCTP sockets here that could take the port from us
            raise

    def release(self, key: str) -> None:
        """Let go of a published port, by its `key`."""
        self.request({"op": "release", "key": key})

    # names

    def join(
        self,
        network: str,
        label: str,
        container: str,
        addresses: Iterable[str],
        names: Iterable[str],
        links: Mapping[str, str],
    ) -> None:
        """Make a container known by `names` to the others in a network, and let it call them by the words in
        `links`; again to change them."""
        who = {"network": network, "label": label, "container": container}
        said = {"addresses": list(addresses), "names": list(names), "links": dict(links)}
        self.request({"op": "join", **who, **said})

    def leave(self, network: str, container: str) -> None:
        self.request({"op": "leave", "network": network, "container": container})

    def serve(self, container: str, namespace: int, upstreams: Iterable[str]) -> None:
        """Answer the questions of a container at 127.0.0.11:53 in its network namespace.

        The sockets take free ports, and the namespace's own firewall leads port 53 to them, so that a
        container can run a name server of its own.
        """
        with inside(namespace):
            datagrams, listener = _open_inside(socket.SOCK_DGRAM), _open_inside(socket.SOCK_STREAM)
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

        Raises OSError for what the kernel refused it, Internal for what it does not understand, Unavailable
        when it can't be started.
        """
        reply, received = self._exchange(message, *descriptors)
        for descriptor in received:
            os.close(descriptor)
        if "errno" in reply:
            raise OSError(reply["errno"], reply["error"])
        if "error" in reply:
            raise Internal(f"network keeper: {reply['error']}")
        ok: dict[str, Any] = reply["ok"]
        return ok

    def _exchange(self, message: dict[str, Any], *descriptors: int) -> tuple[dict[str, Any], list[int]]:
        """Say one thing and wait for the reply and the descriptor that may come with it. A keeper that has
        taken the place of the one before is asked again. Raises Unavailable."""
        for attempt in range(_TRIES):
            if attempt > 1:
                time.sleep(0.02 * attempt)  # one that is just dying may still accept connections
            connection = self._connection or self._connect()
            try:
                socket.send_fds(connection, [json.dumps(message).encode()], list(descriptors))
                data, received, _, _ = socket.recv_fds(connection, 1 << 20, 1)
            except OSError:
                data, received = b"", []
            if data:
                return json.loads(data), received
            self._connection = None
            connection.close()
        raise Unavailable("the network keeper does not answer", hint="run the command again")

    def start(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Have a program run in the keeper's network and live on by itself. Raises as `request`."""
        self.request({"op": "start", "command": list(command), "environment": dict(environment)})

    def new_socket(self, family: int, kind: int, protocol: int) -> socket.socket:
        """A non-blocking socket of the network that the keeper is in. Raises OSError, Unavailable."""
        message = {"op": "socket", "family": family, "type": kind, "protocol": protocol}
        reply, received = self._exchange(message)
        if not received:
            raise OSError(reply.get("errno", errno.EPROTO), reply.get("error", "no socket came"))
        return socket.socket(fileno=received[0])

    def end(self) -> None:
        """Have the keeper end, and in the rootless case what leads out of our network namespace."""
        self.on_lost = None
        if self.running():
            self.request({"op": "end"})
        self.close()
        if self._behind:
            way_out.end(self._run_dir)

    def running(self) -> bool:
        """Connect to a keeper that is there; False, and none is started, when there is none."""
        if self._connection is None:
            try:
                self._connection = self._dial()
            except OSError:
                return False
            if self._behind:
                self._place()
        return True

    def _dial(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
        try:
            connection.connect(self._path)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        except OSError:
            connection.close()
            raise
        if self.on_lost is not None:
            watched = connection.dup()
            threading.Thread(target=self._watch, args=(watched,), name="keeper", daemon=True).start()
        return connection

    def _watch(self, watched: socket.socket) -> None:
        poll = select.poll()
        poll.register(watched, select.POLLRDHUP)
        poll.poll()
        watched.close()
        if self._connection is not None and self.on_lost is not None:
            self.on_lost()

    def _connect(self) -> socket.socket:
        with open(f"{self._path}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                self._connection = self._dial()
            except OSError:
                self._start()
                self._connection = self._dial()
        if self._behind:
            self._place()
        return self._connection

    def wait(self, seconds: float) -> bool:
        """Connect to a keeper that was started on the side and may not listen yet."""
        deadline = time.monotonic() + seconds
        while not self.running():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def _place(self) -> None:
        """Tell the keeper that containers are behind the network namespace of this thread."""
        namespace = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            self.request({"op": "place"}, namespace)
        finally:
            os.close(namespace)

    def _start(self) -> None:
        if self._behind:
            raise Unavailable(  # its parent replaces it, unless somebody ended both
                "the network keeper is gone, and only a new engine can start it",
                hint="`wherry engine stop`; containers go on, and the next command starts an engine",
            )
        done = subprocess.run(
            command.command(self._run_dir),
            env=command.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise Unavailable(f"the network keeper did not start: {said[-1] if said else done.returncode}")


def _open_inside(kind: int) -> socket.socket:
    """A socket on a free port of the resolver's address in the calling thread's network namespace."""
    one = socket.socket(socket.AF_INET, kind | socket.SOCK_CLOEXEC)
    one.bind((RESOLVER, 0))
    if kind == socket.SOCK_STREAM:
        one.listen(64)
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
