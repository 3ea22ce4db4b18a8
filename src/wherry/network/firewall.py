"""The firewall of all networks: one table of a few rules that never change, and sets that do.

    divert      (rootless) answers to the keeper's sockets that speak with a client's address: to the keeper
    raw         to 127.0.0.0/8 from another interface than loopback: drop
    prerouting  to an address of this machine: look up (address, protocol, port) → container
    admit       established or published: mark, so that routing leads it to containers (see `links.py`)
    output      the same as prerouting for the machine's own connections to its published ports
    forward     established or published: accept; within one network: accept; out of an internal network
                or into any network: drop
    postrouting out of a network to elsewhere, and hairpins: masquerade

Starting a container touches set elements only, in one transaction, so it costs the same with one network as
with a hundred. Rules of others are never read or changed. The table exists while a network needs it.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Iterable

from wherry.linux import nftables as nft
from wherry.linux.netlink import Netlink
from wherry.linux.nftables import Batch, Chain, Set
from wherry.network.model import Network, PublishedPort

DIVERTED = 0x0077_0000  # the mark's bits of packets for the keeper
ADMITTED = 0x7700_0000  # … of packets that may be led to containers

_PROTOCOLS = {"tcp": b"\x06", "udp": b"\x11", "sctp": b"\x84"}
_NFPROTO = {4: b"\x02", 6: b"\x0a"}
_CT_ESTABLISHED_RELATED = 0b110
_CT_STATUS_DNAT = 1 << 5

_SETS = (
    Set("bridges", (nft.INTERFACE,)),
    Set("internal", (nft.INTERFACE,)),
    Set("pairs", (nft.INTERFACE, nft.INTERFACE)),
    Set("subnets4", (nft.IPV4,), interval=True),
    Set("subnets6", (nft.IPV6,), interval=True),
    Set("masquerade4", (nft.IPV4,), interval=True),
    Set("masquerade6", (nft.IPV6,), interval=True),
    Set("ports4", (nft.PROTOCOL, nft.PORT), (nft.IPV4, nft.PORT)),
    Set("ports6", (nft.PROTOCOL, nft.PORT), (nft.IPV6, nft.PORT)),
    Set("address_ports4", (nft.IPV4, nft.PROTOCOL, nft.PORT), (nft.IPV4, nft.PORT)),
    Set("address_ports6", (nft.IPV6, nft.PROTOCOL, nft.PORT), (nft.IPV6, nft.PORT)),
)

_DIVERT = Chain("divert", "filter", nft.PREROUTING, -150)
_CHAINS = (
    Chain("raw", "filter", nft.PREROUTING, -300),
    Chain("prerouting", "nat", nft.PREROUTING, -100),
    Chain("admit", "filter", nft.PREROUTING, -90),
    Chain("output", "nat", nft.OUTPUT, -100),
    Chain("publish"),
    Chain("forward", "filter", nft.FORWARD, 0),
    Chain("postrouting", "nat", nft.POSTROUTING, 100),
)


def _version(version: int) -> tuple[bytes, ...]:
    return nft.meta("nfproto"), nft.compare(_NFPROTO[version])


def _loopback() -> tuple[bytes, ...]:
    """To 127.0.0.0/8."""
    return (*_version(4), nft.payload(1, 16, 1), nft.compare(b"\x7f"))


def _rules() -> Iterable[tuple[str, tuple[bytes, ...]]]:
    pair = nft.meta("iifname"), nft.meta("oifname", word=4), nft.lookup("pairs")
    into = nft.meta("oifname"), nft.lookup("bridges")
    port = nft.meta("l4proto"), nft.payload(2, 2, 2, word=1)
    lo = nft.compare(nft.interface("lo"), equal=False)
    # every packet meets these two chains: what most of them fail or pass comes first
    yield "raw", (*_loopback(), nft.meta("iifname"), lo, nft.verdict(nft.DROP))
    for chain in ("prerouting", "output"):
        yield chain, (*nft.destination_is_local(), nft.verdict(nft.JUMP, "publish"))
    # on loopback the keeper's sockets answer
    yield "publish", (*_loopback(), nft.verdict(nft.RETURN))
    ours = nft.payload(1, 24, 16), nft.compare(nft.ipv6("::1"))
    yield "publish", (*_version(6), *ours, nft.verdict(nft.RETURN))
    for version, family, offset, words in ((4, socket.AF_INET, 16, 1), (6, socket.AF_INET6, 24, 4)):
        exact = (
            nft.payload(1, offset, 4 * words),
            nft.meta("l4proto", word=words),
            nft.payload(2, 2, 2, word=words + 1),
        )
        found = nft.lookup(f"address_ports{version}", load=True)
        yield "publish", (*_version(version), *exact, found, nft.dnat(family))
        yield (
            "publish",
            (*_version(version), *port, nft.lookup(f"ports{version}", load=True), nft.dnat(family)),
        )
    for part, mask in (("state", _CT_ESTABLISHED_RELATED), ("status", _CT_STATUS_DNAT)):
        yield "admit", (*nft.conntrack(part, mask), *nft.set_mark(ADMITTED), nft.verdict(nft.ACCEPT))
    yield "forward", (*nft.conntrack("state", _CT_ESTABLISHED_RELATED), nft.verdict(nft.ACCEPT))
    yield "forward", (*nft.conntrack("status", _CT_STATUS_DNAT), nft.verdict(nft.ACCEPT))
    yield "forward", (*pair, nft.verdict(nft.ACCEPT))
    yield "forward", (nft.meta("iifname"), nft.lookup("internal"), nft.verdict(nft.DROP))
    yield "forward", (*into, nft.verdict(nft.DROP))
    elsewhere = nft.meta("oifname"), nft.lookup("bridges", inverted=True), nft.masquerade()
    published = *nft.conntrack("status", _CT_STATUS_DNAT), nft.masquerade()
    for version, offset, length in ((4, 12, 4), (6, 8, 16)):
        source = *_version(version), nft.payload(1, offset, length)
        yield "postrouting", (*source, nft.lookup(f"masquerade{version}"), *elsewhere)
        yield "postrouting", (*source, nft.lookup(f"subnets{version}"), *published)


class Firewall:
    """An engine's table of the inet family; blocking, for one thread at a time."""

    def __init__(self, netlink: Netlink, table: str, *, divert: bool = False) -> None:
        """`divert`: the keeper carries in what clients send (rootless)."""
        self._netlink = netlink
        self._table = table
        self._divert = divert

    def present(self) -> bool:
        """Whether the table is there (somebody may have flushed it)."""
        return self._table in nft.tables(self._netlink)

    def install(self, networks: Iterable[Network], ports: Iterable[tuple[PublishedPort, str]]) -> None:
        """Make the whole table anew, replacing one that is there, in one transaction.

        `ports` are all published ports with the container address of each.
        """
        batch = Batch(self._table)
        batch.add_table()  # so that deleting it can't fail
        batch.delete_table()
        batch.add_table()
        for number, one in enumerate(_SETS, 1):
            batch.add_set(one, number)
        for chain in _CHAINS:
            batch.add_chain(chain)
        for chain_name, expressions in _rules():
            batch.add_rule(chain_name, *expressions)
        if self._divert:
            batch.add_chain(_DIVERT)
            for protocol in ("tcp", "udp"):
                carried = nft.meta("l4proto"), nft.compare(_PROTOCOLS[protocol]), *nft.transparent()
                batch.add_rule(_DIVERT.name, *carried, *nft.set_mark(DIVERTED), nft.verdict(nft.ACCEPT))
        for network in networks:
            _describe(batch, network)
        for port, address in ports:
            batch.add_element(*_port_element(port, address))
        batch.commit(self._netlink)

    def remove(self) -> None:
        """Take the table away, if it is there."""
        batch = Batch(self._table)
        batch.delete_table()
        try:
            batch.commit(self._netlink)
        except FileNotFoundError:
            pass

    def add_network(self, network: Network) -> None:
        batch = Batch(self._table)
        _describe(batch, network)
        batch.commit(self._netlink)

    def remove_network(self, network: Network) -> None:
        batch = Batch(self._table)
        _describe(batch, network, remove=True)
        self._commit_removal(batch)

    def publish(self, ports: Iterable[PublishedPort], address: str) -> None:
        """Lead published ports to the container's address of the same IP version."""
        batch = Batch(self._table)
        for port in ports:
            batch.add_element(*_port_element(port, address))
        batch.commit(self._netlink)

    def unpublish(self, ports: Iterable[PublishedPort], address: str) -> None:
        for port in ports:  # one by one: a port that is gone already must not keep the others
            batch = Batch(self._table)
            batch.delete_element(*_port_element(port, address))
            self._commit_removal(batch)

    def _commit_removal(self, batch: Batch) -> None:
        try:
            batch.commit(self._netlink)
        except OSError as error:
            if error.errno != errno.ENOENT:  # wiped by somebody else: removed is removed
                raise


def _describe(batch: Batch, network: Network, *, remove: bool = False) -> None:
    element = batch.delete_element if remove else batch.add_element
    interval = batch.delete_range if remove else batch.add_range
    bridge = nft.interface(network.bridge)
    element("bridges", bridge)
    if network.open_inside:
        element("pairs", nft.concat(bridge, bridge))
    if network.internal:
        element("internal", bridge)
    for subnet in network.subnets:
        ip = ipaddress.ip_network(subnet.subnet)
        behind = int(ip.broadcast_address) + 1
        packed = behind.to_bytes(ip.max_prefixlen // 8, "big")
        for name in ("subnets", "masquerade") if network.masquerade else ("subnets",):
            interval(f"{name}{subnet.version}", ip.network_address.packed, packed)


def _port_element(port: PublishedPort, address: str) -> tuple[str, bytes, bytes]:
    version = 6 if ":" in address else 4
    packed = nft.ipv6(address) if version == 6 else nft.ipv4(address)
    value = nft.concat(packed, nft.port(port.container_port))
    protocol, number = _PROTOCOLS[port.protocol], nft.port(port.host_port)
    if not port.host_ip or ipaddress.ip_address(port.host_ip).is_unspecified:
        return f"ports{version}", nft.concat(protocol, number), value
    host = nft.ipv6(port.host_ip) if version == 6 else nft.ipv4(port.host_ip)
    return f"address_ports{version}", nft.concat(host, protocol, number), value
