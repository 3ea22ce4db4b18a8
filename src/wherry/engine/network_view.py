"""Networks between Docker's JSON and `wherry.network`'s values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .models import (
    IPAM,
    ConfigReference,
    EndpointSettings,
    IPAMConfig,
    Network,
    NetworkCreate,
    NetworkEndpoint,
)
from .moments import rfc3339

if TYPE_CHECKING:
    from wherry.network.model import Endpoint
    from wherry.network.model import Network as Definition
    from wherry.network.networks import Networks as Kernel

    from .containers.registry import Container


def make(kernel: Kernel, request: NetworkCreate) -> Definition:
    """Define the network that was asked for. Blocks; raises as `wherry.network`."""
    from wherry.network.model import Subnet

    ipam = request.ipam or IPAM()
    return kernel.create(
        request.name,
        driver=request.driver or "bridge",
        subnets=[
            Subnet(one.subnet, one.gateway, one.ip_range, one.auxiliary_addresses or {})
            for one in ipam.config or ()
            if one.subnet
        ],
        ipv6=bool(request.enable_ipv6),
        internal=request.internal,
        attachable=request.attachable,
        options=request.options,
        labels=request.labels,
        ipam_options=ipam.options,
        config_only=request.config_only,
        config_from=request.config_from.network if request.config_from is not None else "",
    )


def shown(network: Definition) -> Network:
    """A network as the API shows it, without its containers."""
    return Network(
        name=network.name,
        id=network.id,
        created=rfc3339(network.created),
        driver=network.driver,
        enable_ipv4=not network.config_only,
        enable_ipv6=network.ipv6 is not None or network.ipv6_wanted,
        ipam=IPAM(
            options=network.ipam_options or (None if network.name == "bridge" else {}),
            config=[
                IPAMConfig(
                    subnet=one.subnet,
                    ip_range=one.ip_range,
                    gateway=one.gateway,
                    auxiliary_addresses=one.reserved or None,
                )
                for one in network.subnets
            ],
        ),
        internal=network.internal,
        attachable=network.attachable,
        config_from=ConfigReference(network.config_from),
        config_only=network.config_only,
        options={**_implied(network), **network.options},
        labels=dict(network.labels),
    )


def _implied(network: Definition) -> dict[str, str]:
    """What Docker says of its default network, and programs read there."""
    if network.name != "bridge":
        return {}
    return {
        "com.docker.network.bridge.default_bridge": "true",
        "com.docker.network.bridge.enable_icc": "true",
        "com.docker.network.bridge.enable_ip_masquerade": "true",
        "com.docker.network.bridge.host_binding_ipv4": "0.0.0.0",  # noqa: S104 (as Docker says it)
        "com.docker.network.bridge.name": network.bridge,
        "com.docker.network.driver.mtu": str(network.mtu or 1500),
    }


def fixed(name: str, identifier: str) -> Network:
    """`host` or `none`: a name for the lack of a network of one's own."""
    driver = "null" if name == "none" else name
    return Network(name=name, id=identifier, created=rfc3339(1), driver=driver, ipam=IPAM(config=[]))


def member(container: Container, got: EndpointSettings) -> NetworkEndpoint:
    """A container in `network inspect`."""
    return NetworkEndpoint(
        name=container.name,
        endpoint_id=got.endpoint_id,
        mac_address=got.mac_address,
        ipv4_address=f"{got.ip_address}/{got.ip_prefix_len}" if got.ip_address else "",
        ipv6_address=(
            f"{got.global_ipv6_address}/{got.global_ipv6_prefix_len}" if got.global_ipv6_address else ""
        ),
    )


def settings(asked: EndpointSettings, endpoint: Endpoint, network: Definition) -> EndpointSettings:
    """What a container got, put over what it asked for."""
    first, second = network.ipv4, network.ipv6
    return EndpointSettings(
        ipam_config=asked.ipam_config,
        links=asked.links,
        aliases=asked.aliases,
        driver_opts=asked.driver_opts,
        gw_priority=asked.gw_priority,
        dns_names=list(endpoint.aliases) or None,
        network_id=network.id,
        endpoint_id=endpoint.id,
        mac_address=endpoint.mac,
        gateway=first.gateway if first is not None and not network.internal else "",
        ip_address=endpoint.ipv4,
        ip_prefix_len=first.prefix if first is not None else 0,
        ipv6_gateway=second.gateway if second is not None else "",
        global_ipv6_address=endpoint.ipv6,
        global_ipv6_prefix_len=second.prefix if second is not None else 0,
    )
