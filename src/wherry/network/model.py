"""What a network, an endpoint and a published port are: plain values, as stored and as passed around."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

DEFAULT = "bridge"
"""The name of the network that containers join when nothing is said."""


class Subnet(msgspec.Struct, frozen=True, omit_defaults=True):
    """One address range of a network, in CIDR notation, with its gateway on the bridge."""

    subnet: str
    gateway: str = ""
    ip_range: str = ""  # where to allocate from, when less than the whole subnet
    reserved: dict[str, str] = {}  # auxiliary addresses, by name
    chosen: bool = False  # by us, because nobody asked for one

    @property
    def version(self) -> int:
        return 6 if ":" in self.subnet else 4

    @property
    def prefix(self) -> int:
        return int(self.subnet.rpartition("/")[2])


class Network(msgspec.Struct, frozen=True, omit_defaults=True):
    """A network as its maker described it. Drivers: bridge, macvlan, ipvlan (and host, none as names)."""

    id: str
    name: str
    driver: str = "bridge"
    subnets: tuple[Subnet, ...] = ()
    internal: bool = False
    attachable: bool = False
    options: dict[str, str] = {}
    labels: dict[str, str] = {}
    created: int = 0  # nanoseconds since the epoch
    ipam_options: dict[str, str] = {}
    ipv6_wanted: bool = False
    config_only: bool = False  # not a network, but what others are made from
    config_from: str = ""  # the name of such a one

    @property
    def ipv4(self) -> Subnet | None:
        return next((one for one in self.subnets if one.version == 4), None)

    @property
    def ipv6(self) -> Subnet | None:
        return next((one for one in self.subnets if one.version == 6), None)

    @property
    def bridge(self) -> str:
        """Name of the bridge interface (15 bytes at the most, IFNAMSIZ)."""
        return self.options.get("com.docker.network.bridge.name") or f"wh-{self.id[:12]}"

    @property
    def mtu(self) -> int:
        return int(self.options.get("com.docker.network.driver.mtu", "0"))

    @property
    def masquerade(self) -> bool:
        wanted = self.options.get("com.docker.network.bridge.enable_ip_masquerade", "true")
        return not self.internal and wanted.lower() in ("true", "1")

    @property
    def has_names(self) -> bool:
        """Whether containers there are found by name: as in Docker, everywhere but on the default bridge."""
        return self.name != DEFAULT

    @property
    def open_inside(self) -> bool:
        """Whether the network's own containers may reach each other (`enable_icc`)."""
        return self.options.get("com.docker.network.bridge.enable_icc", "true").lower() in ("true", "1")


class Endpoint(msgspec.Struct, frozen=True, omit_defaults=True):
    """One container's end in one network."""

    id: str
    network_id: str
    container_id: str
    interface: str  # inside the container
    mac: str
    ipv4: str = ""
    ipv6: str = ""
    aliases: tuple[str, ...] = ()
    asks: bool = False  # the container has its questions answered by the keeper
    links: dict[str, str] = {}  # what only this container calls others by: its word → their name

    @property
    def host_interface(self) -> str:
        """Name of the host's end of the pair."""
        return f"wv{self.id[:12]}"


class PublishedPort(NamedTuple):
    """A port of a container reachable through the host: `host_ip` "" means every address."""

    protocol: str  # "tcp", "udp" or "sctp"
    host_ip: str
    host_port: int
    container_port: int

    @property
    def key(self) -> str:
        """What tells it from every other published port: protocol, host address, host port."""
        return f"{self.protocol}/{self.host_ip}/{self.host_port}"

    def speaks(self, version: int) -> bool:
        """Whether it is published on addresses of this IP version."""
        return not self.host_ip or (":" in self.host_ip) == (version == 6)
