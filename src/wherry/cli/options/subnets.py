"""Address pools of a new network: which gateway, range and taken addresses belong to which subnet."""

from __future__ import annotations

import ipaddress

from wherry.errors import Invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wherry.cli.flags import Flags

    Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def address_pools(flags: Flags) -> list[dict[str, Any]]:
    """The `IPAM.Config` of --subnet, --gateway, --ip-range and --aux-address. Raises Invalid."""
    subnets = flags.every("subnet")
    gateways, ranges, taken = flags.every("gateway"), flags.every("ip-range"), flags.every("aux-address")
    if (gateways or ranges or taken) and not subnets:
        raise Invalid("every ip-range or gateway must have a corresponding subnet")
    pools: list[tuple[Network, dict[str, Any]]] = []
    for text in subnets:
        network = _network(text)
        if any(network.version == other.version and network.overlaps(other) for other, _ in pools):
            raise Invalid("multiple overlapping subnet configuration is not supported")
        pools.append((network, {"Subnet": text}))
    for text in ranges:
        inner = _network(text)
        pool = _pool(pools, inner.network_address)
        if pool is None:
            raise Invalid(f"no matching subnet for range {text}")
        if "IPRange" in pool:
            raise Invalid(f"cannot configure multiple ranges ({text}, {pool['IPRange']}) on the same subnet")
        pool["IPRange"] = text
    for text in gateways:
        pool = _pool(pools, _address(text))
        if pool is None:
            raise Invalid(f"no matching subnet for gateway {text}")
        if "Gateway" in pool:
            raise Invalid(
                f"cannot configure multiple gateways ({text}, {pool['Gateway']}) for the same subnet"
            )
        pool["Gateway"] = text
    for text in taken:
        name, _, address = text.partition("=")
        pool = _pool(pools, _address(address))
        if pool is None:
            raise Invalid(f"no matching subnet for aux-address {address}")
        pool.setdefault("AuxiliaryAddresses", {})[name] = address
    return [pool for _, pool in pools]


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise Invalid(f"invalid CIDR address: {text}") from None


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise Invalid(f"invalid IP address: {text}") from None


def _pool(
    pools: list[tuple[Network, dict[str, Any]]], address: ipaddress.IPv4Address | ipaddress.IPv6Address
) -> dict[str, Any] | None:
    return next((pool for network, pool in pools if address in network), None)
