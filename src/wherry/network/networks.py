"""All networks of one engine: made, joined, left, published through, and put right after a restart.

The catalog says what should be; links and firewall are what is. Every change is noted in the catalog first
and undone there when the kernel refuses it, so that `restore` can always bring the two together.
"""

from __future__ import annotations

import errno
import secrets
import threading
import time
import zlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple, Protocol

import msgspec

from wherry.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from wherry.linux import nftables, rtnetlink
from wherry.linux.netlink import Netlink
from wherry.network import addresses, neighbour
from wherry.network.catalog import Catalog, Rows
from wherry.network.firewall import Firewall
from wherry.network.guard import Guard
from wherry.network.links import Links, default_interface_name
from wherry.network.model import Endpoint, Network, PublishedPort, Subnet
from wherry.network.routes import Routes

DEFAULT = "bridge"
RESERVED = ("bridge", "host", "none", "default", "container")
DRIVERS = ("bridge", "macvlan", "ipvlan")

_ANYWHERE = "0.0.0.0"  # noqa: S104 (for messages, as Docker words them)


class PortRequest(NamedTuple):
    """What `-p` asks for: `host_port` 0 takes a free one, `last` > `host_port` any free one up to it."""

    protocol: str
    container_port: int
    host_ip: str = ""
    host_port: int = 0
    last: int = 0


class Living(NamedTuple):
    """A container that runs: a descriptor of its network namespace, and its upstream name servers."""

    namespace: int
    upstreams: Collection[str] = ()


class Keeper(Protocol):
    """Who holds host ports so that no other program takes them, and answers for loopback and for names."""

    def hold(self, port: PublishedPort, container_address: str) -> int:
        """Bind the port (0: a free one) and return its number. Raises OSError (EADDRINUSE, EACCES)."""
        ...

    def release(self, key: str) -> None: ...

    def join(
        self, network: str, label: str, container: str, addresses: Iterable[str], names: Iterable[str]
    ) -> None: ...

    def leave(self, network: str, container: str) -> None: ...

    def serve(self, container: str, namespace: int, upstreams: Iterable[str]) -> None: ...

    def dismiss(self, container: str) -> None: ...

    def running(self) -> bool:
        """Whether there is one now; `known` and the others start it."""
        ...

    def end(self) -> None:
        """Have it end, if it is there."""
        ...

    def known(self) -> dict[str, Any]:
        """What it does now: `networks`, `served`, `held`."""
        ...


class Networks:
    """Thread-safe; each call blocks for some milliseconds at the most."""

    def __init__(self, database: Rows, keeper: Keeper, *, name: str = "wherry", behind: bool = False) -> None:
        """`name` tells this engine's firewall and routing tables from those of another one on the machine.
        `behind`: this network namespace is not the machine's, and the keeper carries in what clients send
        (rootless). Raises OSError where the kernel has no bridges or nf_tables."""
        self._catalog = Catalog(database)
        self._keeper = keeper
        self._lock = threading.RLock()
        self._route, self._filter = Netlink(rtnetlink.NETLINK_ROUTE), Netlink(nftables.NETLINK_NETFILTER)
        self._name = name
        self._routes = Routes(self._route, 0x7700_0000 | zlib.crc32(name.encode()) & 0xFF_FFFF)
        self._links = Links(self._route, self._routes)
        self._firewall = Firewall(self._filter, name, divert=behind)
        if behind:
            self._routes.divert()
        self._behind = behind
        self._walled = False
        self._guard = Guard(name, self._filter.port, self._wiped)

    def close(self) -> None:
        """Close the sockets; what was made in the kernel stays."""
        self._guard.close()
        self._route.close()
        self._filter.close()

    # definitions

    def create(
        self,
        name: str,
        *,
        driver: str = "bridge",
        subnets: Iterable[Subnet] = (),
        ipv6: bool = False,
        internal: bool = False,
        attachable: bool = False,
        options: dict[str, str] | None = None,
        labels: dict[str, str] | None = None,
        ipam_options: dict[str, str] | None = None,
    ) -> Network:
        """Define a network; its interfaces are made when the first container joins.

        Raises Conflict (the name is taken), Forbidden (a reserved name, a subnet in use), Invalid, NotFound
        (driver).
        """
        if name in RESERVED and not (name == DEFAULT and not self._exists(DEFAULT)):
            raise Forbidden(f"operation is not permitted on predefined {name} network")
        if driver not in DRIVERS:
            raise NotFound(f"could not find plugin {driver} in v1 plugin registry: plugin not found")
        network_id = secrets.token_hex(32)
        with self._lock:
            chosen = [addresses.complete(one) for one in subnets]
            busy = self._busy()
            for subnet in chosen:
                wanted = addresses.parse_subnet(subnet.subnet)
                if any(_overlap(wanted, one) for one in busy):
                    raise Forbidden(
                        "invalid pool request: Pool overlaps with other one on this address space",
                        hint=f"{subnet.subnet} is in use here; choose another with --subnet",
                    )
            if not any(one.version == 4 for one in chosen):
                chosen.insert(0, addresses.free_subnet(busy))
            if ipv6 and not any(one.version == 6 for one in chosen):
                chosen.append(addresses.local_subnet6(network_id))
            network = Network(
                network_id,
                name,
                driver,
                tuple(chosen),
                internal,
                attachable,
                options or {},
                labels or {},
                time.time_ns(),
                ipam_options or {},
            )
            self._catalog.add(network)
        return network

    def networks(self) -> list[Network]:
        """All networks with interfaces: the default bridge and the user-defined ones."""
        with self._lock:
            self.default()
            return self._catalog.networks()

    def find(self, reference: str) -> Network:
        """By name, id or beginning of an id. Raises NotFound, Invalid (ambiguous)."""
        if reference in (DEFAULT, "default"):
            return self.default()
        return self._catalog.find(reference)

    def default(self) -> Network:
        """The default bridge, defined when first asked for."""
        with self._lock:
            try:
                return self._catalog.find(DEFAULT)
            except NotFound:
                # the plain name for the first engine of a machine; another's bridge is called by its id
                taken = self._name != "wherry" or rtnetlink.link(self._route, "wherry0") is not None
                options = {} if taken else {"com.docker.network.bridge.name": "wherry0"}
                return self.create(DEFAULT, options=options)

    def remove(self, reference: str) -> Network:
        """Raises NotFound, Forbidden (predefined, or in use)."""
        with self._lock:
            network = self.find(reference)
            if network.name in RESERVED:
                raise Forbidden(f"{network.name} is a pre-defined network and cannot be removed")
            try:
                self._catalog.remove(network.id)
            except Conflict as error:
                raise Forbidden(
                    f"error while removing network: network {network.name} has active endpoints",
                    hint="stop or disconnect its containers first",
                ) from error
            self._take_down(network)
            return network

    # endpoints

    def endpoints(self, *, container_id: str = "", network_id: str = "") -> list[Endpoint]:
        return self._catalog.endpoints(container_id=container_id, network_id=network_id)

    def connect(
        self,
        network: Network,
        container_id: str,
        namespace: int,
        *,
        ipv4: str = "",
        ipv6: str = "",
        mac: str = "",
        aliases: Collection[str] = (),
        upstreams: Collection[str] = (),
        ask: bool = False,
        default_route: bool = True,
    ) -> Endpoint:
        """Join a container's network namespace (descriptor) to a network. Nothing is left when it fails.

        On a network that has names (`has_names`) the others reach it by `aliases`. There, and elsewhere with
        `ask`, its questions are answered at 127.0.0.11, which passes on to `upstreams` what it doesn't know.
        Raises Conflict, Invalid, Unavailable, Unsupported, OSError.
        """
        endpoint_id = secrets.token_hex(32)
        with self._lock:
            network = self._settled(network)
            with self._catalog.new_endpoint():
                first, second = network.ipv4, network.ipv6
                got4 = self._catalog.choose_address(network, first, ipv4) if first else ""
                got6 = self._catalog.choose_address(network, second, ipv6) if second else ""
                taken = {one.interface for one in self._catalog.endpoints(container_id=container_id)}
                endpoint = Endpoint(
                    endpoint_id,
                    network.id,
                    container_id,
                    default_interface_name(taken),
                    mac or addresses.mac_of(got4, endpoint_id),
                    got4,
                    got6,
                    tuple(aliases),
                    ask or has_names(network),
                )
                self._catalog.add_endpoint(endpoint)
            try:
                self._raise(network)
                self._links.attach(network, endpoint, namespace, default_route=default_route)
                if has_names(network):
                    self._introduce(network, endpoint)
                if endpoint.asks and not any(
                    one.asks and one.id != endpoint_id
                    for one in self._catalog.endpoints(container_id=container_id)
                ):
                    self._keeper.serve(container_id, namespace, upstreams)
            except BaseException:
                self._links.detach(network, endpoint, namespace)
                self._forget(network, endpoint)
                raise
        return endpoint

    def disconnect(self, endpoint: Endpoint, namespace: int | None = None) -> None:
        """Leave a network: a running container gives its `namespace`.

        Without one the container has ended, and the kernel takes its interfaces away by itself; to wait for
        that would cost every removal some 20 ms.
        """
        with self._lock:
            network = self._catalog.find(endpoint.network_id)
            if namespace is not None:
                self._links.detach(network, endpoint, namespace)
            self._forget(network, endpoint)

    def rename(self, endpoint: Endpoint, aliases: Collection[str]) -> None:
        """Have an endpoint's network call it by other names from now on."""
        with self._lock:
            changed = msgspec.structs.replace(endpoint, aliases=tuple(aliases))
            self._catalog.change_endpoint(changed)
            network = self._catalog.find(endpoint.network_id)
            if has_names(network):
                self._introduce(network, changed)

    def _introduce(self, network: Network, endpoint: Endpoint) -> None:
        addresses = [one for one in (endpoint.ipv4, endpoint.ipv6) if one]
        self._keeper.join(network.id, network.name, endpoint.container_id, addresses, endpoint.aliases)

    def _forget(self, network: Network, endpoint: Endpoint) -> None:
        self._catalog.remove_endpoint(endpoint.id)
        if has_names(network):
            self._keeper.leave(network.id, endpoint.container_id)
        if endpoint.asks:
            others = self._catalog.endpoints(container_id=endpoint.container_id)
            if not any(one.asks for one in others):
                self._keeper.dismiss(endpoint.container_id)

    # published ports

    def publish(
        self, container_id: str, requests: Iterable[PortRequest], *, ipv4: str, ipv6: str = ""
    ) -> list[PublishedPort]:
        """Open ports of the host to a container, all or none. Raises Conflict with Docker's words."""
        done: list[PublishedPort] = []
        with self._lock:
            try:
                for request in requests:
                    done.append(self._publish_one(container_id, request, ipv4))
                for address in filter(None, (ipv4, ipv6)):
                    version = 6 if ":" in address else 4
                    self._firewall.publish([p for p in done if _speaks(p, version)], address)
            except BaseException:
                for port in done:
                    self._keeper.release(port.key)
                self._catalog.remove_ports(container_id)
                raise
        return done

    def unpublish(self, container_id: str, addresses: Iterable[str]) -> None:
        """Close all ports of a container."""
        with self._lock:
            ports = [port for port, _ in self._catalog.ports(container_id)]
            for address in filter(None, addresses):
                version = 6 if ":" in address else 4
                self._firewall.unpublish([p for p in ports if _speaks(p, version)], address)
            for port in ports:
                self._keeper.release(port.key)
            self._catalog.remove_ports(container_id)

    def ports(self, container_id: str) -> list[PublishedPort]:
        return [port for port, _ in self._catalog.ports(container_id)]

    def _publish_one(self, container_id: str, request: PortRequest, address: str) -> PublishedPort:
        candidates = range(request.host_port, max(request.last, request.host_port) + 1)
        for number in candidates:
            port = PublishedPort(request.protocol, request.host_ip, number, request.container_port)
            try:
                port = port._replace(host_port=self._keeper.hold(port, address))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    continue
                where = f"{request.host_ip or _ANYWHERE}:{number}"
                raise Invalid(
                    f"failed to bind host port {where}/{request.protocol}: {error.strerror}"
                ) from error
            if self._catalog.add_port(port, container_id):
                return port
            self._keeper.release(port.key)
        where = f"{request.host_ip or _ANYWHERE}:{request.host_port}"
        asked = (request.protocol, request.host_port)
        if any((port.protocol, port.host_port) == asked for port, _ in self._catalog.ports()):
            raise Conflict(  # clients match on it to choose another port
                f"Bind for {where} failed: port is already allocated",
                hint="another container has it; choose another with -p",
            )
        raise Conflict(
            f"failed to bind host port for {where}:{address}:{request.container_port}/{request.protocol}: "
            "address already in use",
            hint="another program or container has it; choose another with -p",
        )

    # what is, brought in line with what should be

    def restore(self, living: Mapping[str, Living]) -> None:
        """After an engine's start: forget containers that ended, mend what is not as the catalog says.

        A keeper that lived on is left alone, so that no request through it fails.
        """
        with self._lock:
            for endpoint in self._catalog.endpoints():
                if endpoint.container_id not in living:
                    self.disconnect(endpoint)
            for port, container_id in self._catalog.ports():
                if container_id not in living:
                    self._keeper.release(port.key)
                    self._catalog.remove_ports(container_id)
            endpoints = self._catalog.endpoints()
            if endpoints:
                if not self._firewall.present():
                    self.heal()
                self._walled = True
            self._remind_keeper(endpoints, living)

    def _remind_keeper(self, endpoints: list[Endpoint], living: Mapping[str, Living]) -> None:
        if not endpoints and not self._keeper.running():
            return
        known = self._keeper.known()
        named = [(self._catalog.find(one.network_id), one) for one in endpoints]
        named = [(network, one) for network, one in named if has_names(network)]
        members = {(network.id, one.container_id) for network, one in named}
        for network_id, containers in known["networks"].items():
            for container_id in containers:
                if (network_id, container_id) not in members:
                    self._keeper.leave(network_id, container_id)
        for network, endpoint in named:
            self._introduce(network, endpoint)
        askers = {one.container_id for one in endpoints if one.asks}
        for container_id in set(known["served"]) - askers:
            self._keeper.dismiss(container_id)
        for container_id in askers - set(known["served"]):
            one = living[container_id]
            self._keeper.serve(container_id, one.namespace, one.upstreams)
        ports = {port.key: (port, container_id) for port, container_id in self._catalog.ports()}
        for key in set(known["held"]) - set(ports):
            self._keeper.release(key)
        homes = {one.container_id: one for one in reversed(endpoints)}
        for key in set(ports) - set(known["held"]):
            port, container_id = ports[key]
            self._keeper.hold(port, homes[container_id].ipv4)

    def heal(self) -> None:
        """Put the firewall back as it should be, in one transaction; cheap to repeat."""
        with self._lock:
            homes = {one.container_id: one for one in reversed(self._catalog.endpoints())}
            ports = []
            for port, container_id in self._catalog.ports():
                home = homes.get(container_id)
                for address in filter(None, (home.ipv4, home.ipv6) if home else ()):
                    if _speaks(port, 6 if ":" in address else 4):
                        ports.append((port, address))
            self._firewall.install(self._in_use(), ports)
            if not self._behind:
                neighbour.admit(self._filter, self._name)
            self._walled = True

    def _wiped(self) -> None:
        with self._lock:
            if self._walled:
                self.heal()

    def in_use(self) -> bool:
        """Whether a container is in a network, or was when the last engine ended."""
        return bool(self._catalog.endpoints() or self._catalog.ports())

    def end(self) -> None:
        """Leave the machine as it was found, and close; no container may be in a network any more."""
        self.sweep()
        self._keeper.end()
        self.close()

    def sweep(self) -> None:
        """Take down bridges and firewall when no container needs them any more."""
        with self._lock:
            if self._catalog.endpoints():
                return
            for network in self._catalog.networks():
                self._links.remove_bridge(network)
            self._routes.close()
            self._firewall.remove()
            if not self._behind:
                neighbour.withdraw(self._filter, self._name)
            self._walled = False

    def _settled(self, network: Network) -> Network:
        """The network as it can be raised now: another engine, or the machine, may use its subnet by then.

        The default network moves to another subnet if nobody is in it; any other is refused.
        """
        if network.driver != "bridge" or self._links.is_up(network):
            return network
        mine = [addresses.parse_subnet(one.subnet) for one in network.subnets]
        clashes = [one for one in self._routed(network.bridge) if any(_overlap(one, own) for own in mine)]
        if not clashes:
            return network
        if network.name != DEFAULT or self._catalog.endpoints(network_id=network.id):
            raise Unavailable(
                f"network {network.name}: its subnet {clashes[0]} is in use elsewhere on this machine",
                hint="remove the network and create it with another --subnet",
            )
        others = (addresses.free_subnet(self._busy()), *(one for one in network.subnets if one.version == 6))
        moved = msgspec.structs.replace(network, subnets=others)
        self._catalog.redefine(moved)
        return moved

    def _raise(self, network: Network) -> None:
        """Make sure that the network's interface and rules are there before a container joins."""
        if network.driver != "bridge":
            return
        if not self._walled or not self._firewall.present():
            self.heal()
        else:
            self._firewall.add_network(network)
        self._links.ensure_bridge(network)

    def _take_down(self, network: Network) -> None:
        if network.driver == "bridge":
            self._links.remove_bridge(network)
            if self._walled:
                self._firewall.remove_network(network)

    def _in_use(self) -> list[Network]:
        used = {one.network_id for one in self._catalog.endpoints()}
        return [one for one in self._catalog.networks() if one.id in used and one.driver == "bridge"]

    def _busy(self) -> list[addresses.IPNetwork]:
        """Subnets that must not be given out: those of networks, and those that the machine routes to."""
        own = [addresses.parse_subnet(s.subnet) for one in self._catalog.networks() for s in one.subnets]
        return own + self._routed()

    def _routed(self, besides: str = "") -> list[addresses.IPNetwork]:
        """Subnets that the machine has routes to, but for those over one interface."""
        ours = rtnetlink.link(self._route, besides) if besides else None
        return [
            addresses.parse_subnet(f"{route.destination}/{route.prefix}")
            for route in rtnetlink.routes(self._route)
            if route.destination and (ours is None or route.ifindex != ours.ifindex)
        ]

    def _exists(self, name: str) -> bool:
        try:
            self._catalog.find(name)
        except NotFound:
            return False
        return True


def _overlap(one: addresses.IPNetwork, other: addresses.IPNetwork) -> bool:
    return one.version == other.version and one.overlaps(other)


def has_names(network: Network) -> bool:
    """Whether containers there are found by name: as in Docker, everywhere but on the default bridge."""
    return network.name != DEFAULT


def _speaks(port: PublishedPort, version: int) -> bool:
    """Whether a port is published on addresses of this IP version."""
    return not port.host_ip or (":" in port.host_ip) == (version == 6)
