"""Which subnets and addresses are free: pure reckoning, over what the catalog says is taken."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator

from wherry.errors import Conflict, Invalid, Unavailable
from wherry.network.model import Subnet

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_POOLS4 = (("172.17.0.0/16", 16), *((f"172.{n}.0.0/16", 16) for n in range(18, 32)), ("192.168.0.0/16", 20))


def parse_subnet(text: str) -> IPNetwork:
    """A subnet in CIDR notation. Raises Invalid."""
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        try:
            meant = ipaddress.ip_network(text, strict=False)
        except ValueError:
            raise Invalid(f"invalid subnet {text!r}: {error}", hint="write it like 172.28.0.0/16") from error
        raise Invalid(f"invalid subnet {text}: it should be {meant}") from error


def free_subnet(taken: Iterable[IPNetwork]) -> Subnet:
    """The first IPv4 subnet of the default pools that overlaps none of `taken`. Raises Unavailable."""
    busy = [one for one in taken if one.version == 4]
    for pool, prefix in _POOLS4:
        for candidate in ipaddress.ip_network(pool).subnets(new_prefix=prefix):
            if not any(candidate.overlaps(one) for one in busy):
                return Subnet(str(candidate), str(candidate.network_address + 1))
    raise Unavailable(
        "all predefined address pools have been fully subnetted",
        hint="remove unused networks with `wherry network prune`, or give one with --subnet",
    )


def local_subnet6(network_id: str) -> Subnet:
    """A unique local IPv6 subnet (RFC 4193) that follows from the network's random id."""
    prefix = bytes([0xFD]) + bytes.fromhex(network_id[:14])
    candidate = ipaddress.IPv6Network((prefix + bytes(8), 64))
    return Subnet(str(candidate), str(candidate.network_address + 1))


def complete(subnet: Subnet) -> Subnet:
    """Check what a user gave of a subnet and fill in the gateway. Raises Invalid with Docker's words."""
    network = parse_subnet(subnet.subnet)
    pool = network
    if subnet.ip_range:
        pool = parse_subnet(subnet.ip_range)
        if pool.version != network.version or not pool.subnet_of(network):  # type: ignore[arg-type]
            raise Invalid(f"no matching subnet for ip-range {subnet.ip_range}")
    for name, text in (("gateway", subnet.gateway), *subnet.reserved.items()):
        if text and parse_address(text, network.version) not in network:
            raise Invalid(f"no matching subnet for {name} {text}")
    gateway = subnet.gateway or str(pool[1] if pool.num_addresses > 2 else pool[0])
    return Subnet(str(network), gateway, subnet.ip_range, subnet.reserved)


def parse_address(text: str, version: int) -> IPAddress:
    """An address of that IP version. Raises Invalid."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise Invalid(f"invalid IPv{version} address: {text}") from error
    if address.version != version:
        raise Invalid(f"invalid IPv{version} address: {text}")
    return address


def choose(subnet: Subnet, *, wanted: str, last: str, taken: Callable[[str], bool]) -> str:
    """An address for an endpoint: the wanted one, or the next free one after `last`, wrapping around.

    Going on after the last one keeps an address that was just freed out of use for as long as possible.
    Raises Invalid (outside the subnet), Conflict (in use) or Unavailable (none left).
    """
    network = parse_subnet(subnet.subnet)
    kept = {subnet.gateway, *subnet.reserved.values()}
    if wanted:
        address = parse_address(wanted, subnet.version)
        if address not in network:
            raise Invalid(f"no configured subnet contains IP address {wanted}")
        if str(address) in kept or not _usable(address, network) or taken(str(address)):
            raise Conflict("Address already in use", hint=f"{wanted} belongs to another endpoint")
        return str(address)
    pool = parse_subnet(subnet.ip_range) if subnet.ip_range else network
    for address in _after(pool, last):
        text = str(address)
        if text not in kept and _usable(address, network) and not taken(text):
            return text
    raise Unavailable(f"no available IPv{subnet.version} addresses on this network's address pools")


def _usable(address: IPAddress, network: IPNetwork) -> bool:
    if network.version == 4 and network.prefixlen < 31:
        return address not in (network.network_address, network.broadcast_address)
    return network.prefixlen >= 127 or address != network.network_address


def _after(pool: IPNetwork, last: str) -> Iterator[IPAddress]:
    size = min(pool.num_addresses, 1 << 20)  # of an IPv6 /64, a million addresses are plenty
    base = int(pool.network_address)
    start = int(ipaddress.ip_address(last)) - base + 1 if last else 0
    for step in range(size):
        yield ipaddress.ip_address((base + (start + step) % size).to_bytes(pool.max_prefixlen // 8, "big"))


def mac_of(ipv4: str, endpoint_id: str) -> str:
    """A locally administered unicast MAC address: of the IPv4 address as Docker's are, else of the id."""
    tail = ipaddress.IPv4Address(ipv4).packed if ipv4 else bytes.fromhex(endpoint_id[:8])
    return (b"\x02\x42" + tail).hex(":")
