"""Which networks there are: defined, found by name or id, and given subnets that nobody else has."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable

import msgspec

from wherry.errors import Forbidden, Invalid, NotFound, Unavailable
from wherry.linux import rtnetlink
from wherry.linux.netlink import Netlink
from wherry.network import addresses, configurations
from wherry.network.catalog import Catalog
from wherry.network.model import DEFAULT, Network, Subnet

RESERVED = ("bridge", "host", "none", "default", "container")
DRIVERS = ("bridge", "macvlan", "ipvlan")


class Definitions:
    """Over the catalog, and the machine's routes as `netlink` shows them; for one thread at a time."""

    def __init__(self, catalog: Catalog, netlink: Netlink, engine: str) -> None:
        """`engine` is the name that tells this engine from others on the machine."""
        self._catalog = catalog
        self._netlink = netlink
        self._engine = engine

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
        """Define a network; its interfaces are made when the first container joins.

        Raises Conflict (the name is taken), Forbidden (a reserved name, a subnet in use, what does not go
        with a configuration), Invalid, NotFound (driver, configuration).
        """
        if name in RESERVED and not (name == DEFAULT and not self._exists(DEFAULT)):
            raise Forbidden(f"operation is not permitted on predefined {name} network")
        wanted = Network(
            secrets.token_hex(32),
            name,
            configurations.NO_DRIVER if config_only else driver,
            tuple(subnets),
            internal,
            attachable,
            options or {},
            labels or {},
            time.time_ns(),
            ipam_options or {},
            ipv6,
            config_only,
            config_from,
        )
        configurations.check(wanted)
        wanted = configurations.applied(wanted, self._catalog.networks())
        if config_only:
            for one in wanted.subnets:
                addresses.complete(one)
        else:
            wanted = self._addressed(wanted)
        self._catalog.add(wanted)
        return wanted

    def _addressed(self, wanted: Network) -> Network:
        """A network with subnets that are free now. Raises as `create`."""
        driver = wanted.driver
        if driver in ("host", "null"):
            raise Forbidden(f'only one instance of "{driver}" network is allowed')
        if driver not in DRIVERS:
            raise NotFound(f"could not find plugin {driver} in v1 plugin registry: plugin not found")
        bridge = wanted.options.get("com.docker.network.bridge.name", "")
        if len(bridge.encode()) > 15 or "/" in bridge or not bridge.isprintable() or " " in bridge:
            raise Invalid(f"invalid interface name {bridge!r}: at most 15 characters, no space and no /")
        chosen = [addresses.complete(one) for one in wanted.subnets]
        if len({one.version for one in chosen}) != len(chosen):
            raise Forbidden(f"{driver} driver doesn't support multiple subnets")
        busy = self._busy()
        for subnet in chosen:
            asked = addresses.parse_subnet(subnet.subnet)
            if any(_overlap(asked, one) for one in busy):
                raise Forbidden(
                    "invalid pool request: Pool overlaps with other one on this address space",
                    hint=f"{subnet.subnet} is in use here; choose another with --subnet",
                )
        if not any(one.version == 4 for one in chosen):
            chosen.insert(0, _choose(busy))
        if wanted.ipv6_wanted and not any(one.version == 6 for one in chosen):
            chosen.append(addresses.local_subnet6(wanted.id))
        return msgspec.structs.replace(wanted, subnets=tuple(chosen))

    def networks(self) -> list[Network]:
        """All networks with interfaces: the default bridge and the user-defined ones."""
        self.default()
        return self._catalog.networks()

    def find(self, reference: str) -> Network:
        """By name, id or beginning of an id. Raises NotFound, Invalid (ambiguous)."""
        if reference in (DEFAULT, "default"):
            return self.default()
        return self._catalog.find(reference)

    def default(self) -> Network:
        """The default bridge, defined when first asked for."""
        try:
            return self._catalog.find(DEFAULT)
        except NotFound:
            # the plain name for the first engine of a machine; another's bridge is called by its id
            taken = self._engine != "wherry" or rtnetlink.link(self._netlink, "wherry0") is not None
            options = {} if taken else {"com.docker.network.bridge.name": "wherry0"}
            return self.create(DEFAULT, options=options)

    def settled(self, network: Network) -> Network:
        """The network as it can be raised now: another engine, or the machine, may use its subnet by then.

        A subnet that was chosen here gives way to another if nobody is in the network; any other is refused.
        """
        routed = self._routed(network.bridge)
        subnets: list[Subnet] = []
        for subnet in network.subnets:
            wanted = addresses.parse_subnet(subnet.subnet)
            clash = next((one for one in routed if _overlap(one, wanted)), None)
            if clash is None:
                subnets.append(subnet)
            elif subnet.chosen and not self._catalog.endpoints(network_id=network.id):
                subnets.append(_choose(self._busy()))
            else:
                raise Unavailable(
                    f"network {network.name}: its subnet {clash} is in use elsewhere on this machine",
                    hint="remove the network and create it with another --subnet",
                )
        if tuple(subnets) == network.subnets:
            return network
        moved = msgspec.structs.replace(network, subnets=tuple(subnets))
        self._catalog.redefine(moved)
        return moved

    def _busy(self) -> list[addresses.IPNetwork]:
        """Subnets that must not be given out: those of networks, and those that the machine routes to."""
        own = [one for one in self._catalog.networks() if not one.config_only]
        return [addresses.parse_subnet(s.subnet) for one in own for s in one.subnets] + self._routed()

    def _routed(self, besides: str = "") -> list[addresses.IPNetwork]:
        """Subnets that the machine has routes to, but for those over one interface."""
        ours = rtnetlink.link(self._netlink, besides) if besides else None
        return [
            addresses.parse_subnet(f"{route.destination}/{route.prefix}")
            for route in rtnetlink.routes(self._netlink)
            if route.destination and (ours is None or route.ifindex != ours.ifindex)
        ]

    def _exists(self, name: str) -> bool:
        try:
            self._catalog.find(name)
        except NotFound:
            return False
        return True


def _choose(busy: Iterable[addresses.IPNetwork]) -> Subnet:
    return msgspec.structs.replace(addresses.free_subnet(busy), chosen=True)


def _overlap(one: addresses.IPNetwork, other: addresses.IPNetwork) -> bool:
    return one.version == other.version and one.overlaps(other)
