"""All networks of one engine: made, joined, left, published through, and put right after a restart.

The catalog says what should be; links and firewall are what is. Every change is noted in the catalog first
and undone there when the kernel refuses it, so that `restore` can always bring the two together.
"""

from __future__ import annotations

import secrets
import threading
import zlib
from collections.abc import Collection, Iterable, Mapping

import msgspec

from wherry.errors import Conflict, Forbidden
from wherry.linux import nftables, rtnetlink
from wherry.linux.netlink import Netlink
from wherry.network import addresses, configurations, neighbour
from wherry.network.catalog import Catalog, Rows
from wherry.network.definitions import RESERVED, Definitions
from wherry.network.firewall import Firewall
from wherry.network.guard import Guard
from wherry.network.links import Links, default_interface_name
from wherry.network.model import Endpoint, Network, PublishedPort, Subnet
from wherry.network.publishing import PortRequest, Publishing
from wherry.network.reminding import Keeper, Living, introduce, remind
from wherry.network.routes import Routes


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
        self._definitions = Definitions(self._catalog, self._route, name)
        self._publishing = Publishing(self._catalog, keeper, self._firewall)
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
        config_only: bool = False,
        config_from: str = "",
    ) -> Network:
        """See `Definitions.create`; its interfaces are made when the first container joins."""
        with self._lock:
            return self._definitions.create(
                name,
                driver=driver,
                subnets=subnets,
                ipv6=ipv6,
                internal=internal,
                attachable=attachable,
                options=options,
                labels=labels,
                ipam_options=ipam_options,
                config_only=config_only,
                config_from=config_from,
            )

    def networks(self) -> list[Network]:
        """All networks with interfaces: the default bridge and the user-defined ones."""
        with self._lock:
            return self._definitions.networks()

    def find(self, reference: str) -> Network:
        """By name, id or beginning of an id. Raises NotFound, Invalid (ambiguous)."""
        with self._lock:
            return self._definitions.find(reference)

    def default(self) -> Network:
        """The default bridge, defined when first asked for."""
        with self._lock:
            return self._definitions.default()

    def remove(self, reference: str) -> Network:
        """Raises NotFound, Forbidden (predefined, or in use)."""
        with self._lock:
            network = self.find(reference)
            if network.name in RESERVED:
                raise Forbidden(f"{network.name} is a pre-defined network and cannot be removed")
            configurations.check_unused(network, self._catalog.networks())
            try:
                self._catalog.remove(network.id)
            except Conflict as error:
                raise Forbidden(
                    f"error while removing network: network {network.name} id {network.id} "
                    "has active endpoints",
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
        links: Mapping[str, str] | None = None,
        upstreams: Collection[str] = (),
        ask: bool = False,
        default_route: bool = True,
    ) -> Endpoint:
        """Join a container's network namespace (descriptor) to a network. Nothing is left when it fails.

        On a network that has names (`has_names`) the others reach it by `aliases`, and it reaches others by
        the words in `links` besides. There, and elsewhere with
        `ask`, its questions are answered at 127.0.0.11, which passes on to `upstreams` what it doesn't know.
        Raises Conflict, Forbidden (a configuration), Invalid, Unavailable, Unsupported, OSError.
        """
        if network.config_only:
            raise Forbidden("cannot create endpoint on configuration-only network")
        endpoint_id = secrets.token_hex(32)
        with self._lock:
            if network.driver == "bridge" and not self._links.is_up(network):
                network = self._definitions.settled(network)
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
                    ask or network.has_names,
                    dict(links or {}),
                )
                self._catalog.add_endpoint(endpoint)
            try:
                self._raise(network)
                self._links.attach(network, endpoint, namespace, default_route=default_route)
                if network.has_names:
                    introduce(self._keeper, network, endpoint)
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
            if network.has_names:
                introduce(self._keeper, network, changed)

    def _forget(self, network: Network, endpoint: Endpoint) -> None:
        self._catalog.remove_endpoint(endpoint.id)
        if network.has_names:
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
        with self._lock:
            return self._publishing.publish(container_id, requests, ipv4=ipv4, ipv6=ipv6)

    def unpublish(self, container_id: str, addresses: Iterable[str]) -> None:
        """Close all ports of a container."""
        with self._lock:
            self._publishing.unpublish(container_id, addresses)

    def ports(self, container_id: str) -> list[PublishedPort]:
        return [port for port, _ in self._catalog.ports(container_id)]

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
            remind(self._keeper, self._catalog, endpoints, living)

    def heal(self) -> None:
        """Put the firewall back as it should be, in one transaction; cheap to repeat."""
        with self._lock:
            homes = {one.container_id: one for one in reversed(self._catalog.endpoints())}
            ports = []
            for port, container_id in self._catalog.ports():
                home = homes.get(container_id)
                for address in filter(None, (home.ipv4, home.ipv6) if home else ()):
                    if port.speaks(6 if ":" in address else 4):
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
                if not network.config_only:
                    self._links.remove_bridge(network)
            self._routes.close()
            self._firewall.remove()
            if not self._behind:
                neighbour.withdraw(self._filter, self._name)
            self._walled = False

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
