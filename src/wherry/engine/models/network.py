"""Networks and the ends of containers in them, in Docker's JSON."""

from __future__ import annotations

from typing import ClassVar

from msgspec import field

from .wire import Wire


class EndpointIPAMConfig(Wire):
    omit_empty: ClassVar[frozenset[str]] = frozenset({"IPv4Address", "IPv6Address", "LinkLocalIPs"})

    ipv4_address: str = field(name="IPv4Address", default="")
    ipv6_address: str = field(name="IPv6Address", default="")
    link_local_ips: list[str] | None = field(name="LinkLocalIPs", default=None)


class EndpointSettings(Wire):
    """One container's end in one network: what was asked for, and, once attached, what it got."""

    ipam_config: EndpointIPAMConfig | None = field(name="IPAMConfig", default=None)
    links: list[str] | None = None
    aliases: list[str] | None = None
    mac_address: str = ""
    driver_opts: dict[str, str] | None = None
    gw_priority: int = 0
    network_id: str = field(name="NetworkID", default="")
    endpoint_id: str = field(name="EndpointID", default="")
    gateway: str = ""
    ip_address: str = field(name="IPAddress", default="")
    ip_prefix_len: int = field(name="IPPrefixLen", default=0)
    ipv6_gateway: str = field(name="IPv6Gateway", default="")
    global_ipv6_address: str = field(name="GlobalIPv6Address", default="")
    global_ipv6_prefix_len: int = field(name="GlobalIPv6PrefixLen", default=0)
    dns_names: list[str] | None = field(name="DNSNames", default=None)


class NetworkingConfig(Wire):
    endpoints_config: dict[str, EndpointSettings | None] | None = None


class IPAMConfig(Wire):
    omit_empty: ClassVar[frozenset[str]] = frozenset(
        {"Subnet", "IPRange", "Gateway", "AuxiliaryAddresses", "AuxAddress"}
    )

    subnet: str = ""
    ip_range: str = field(name="IPRange", default="")
    gateway: str = ""
    auxiliary_addresses: dict[str, str] | None = None


class IPAM(Wire):
    driver: str = "default"
    options: dict[str, str] | None = None
    config: list[IPAMConfig] | None = None


class ConfigReference(Wire):
    network: str = ""


class NetworkCreate(Wire):
    """Body of `POST /networks/create`."""

    name: str = ""
    check_duplicate: bool = False
    driver: str = ""
    scope: str = ""
    enable_ipv4: bool | None = field(name="EnableIPv4", default=None)
    enable_ipv6: bool | None = field(name="EnableIPv6", default=None)
    ipam: IPAM | None = field(name="IPAM", default=None)
    internal: bool = False
    attachable: bool = False
    ingress: bool = False
    config_only: bool = False
    config_from: ConfigReference | None = None
    options: dict[str, str] | None = None
    labels: dict[str, str] | None = None


class NetworkCreated(Wire):
    id: str = ""
    warning: str = ""


class NetworkConnect(Wire):
    """Body of `POST /networks/{id}/connect`."""

    container: str = ""
    endpoint_config: EndpointSettings | None = None


class NetworkDisconnect(Wire):
    container: str = ""
    force: bool = False


class NetworkEndpoint(Wire):
    """A container as `network inspect` lists it."""

    name: str = ""
    endpoint_id: str = field(name="EndpointID", default="")
    mac_address: str = ""
    ipv4_address: str = field(name="IPv4Address", default="")
    ipv6_address: str = field(name="IPv6Address", default="")


class Network(Wire):
    """Answer of `GET /networks/{id}`, and one item of `GET /networks` (there without containers)."""

    name: str = ""
    id: str = ""
    created: str = ""
    scope: str = "local"
    driver: str = ""
    enable_ipv4: bool = field(name="EnableIPv4", default=True)
    enable_ipv6: bool = field(name="EnableIPv6", default=False)
    ipam: IPAM = field(name="IPAM", default_factory=IPAM)
    internal: bool = False
    attachable: bool = False
    ingress: bool = False
    config_from: ConfigReference = field(default_factory=ConfigReference)
    config_only: bool = False
    containers: dict[str, NetworkEndpoint] = field(default_factory=dict)
    options: dict[str, str] | None = field(default_factory=dict)
    labels: dict[str, str] | None = field(default_factory=dict)


class NetworksPruned(Wire):
    networks_deleted: list[str] | None = None
