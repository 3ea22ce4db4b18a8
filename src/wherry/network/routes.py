"""Who may be led to containers: their subnets are in a routing table of their own, and rules say who looks
there.

    from this machine itself                          look in the table
    marked by the firewall (established, published)   look in the table
    out of an internal network, to anywhere           unreachable
    anything else, to a network's subnet              unreachable, says the main table

The main table's word also keeps other programs from taking a subnet that is in use here.

So isolation does not hang on the firewall: when somebody flushes it, what it admitted waits until it is put
back, and nothing that was closed opens.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Iterator

from wherry.linux import rtnetlink
from wherry.linux.netlink import Netlink
from wherry.linux.rtnetlink import Route, Rule
from wherry.network.firewall import ADMITTED, DIVERTED
from wherry.network.model import Network

_DIVERT_TABLE = 0x0077_0000
_FIRST = 0x7700  # priorities: behind the local table (0), before the main one (32766)
_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}


class Routes:
    """An engine's routing table and rules in the network namespace of `netlink`."""

    def __init__(self, netlink: Netlink, table: int) -> None:
        self._netlink = netlink
        self._table = table

    def divert(self) -> None:
        """Deliver to the keeper's sockets what is for addresses that they speak with (rootless)."""
        for family in _FAMILIES.values():
            self._set(rtnetlink.everything_local(family, _DIVERT_TABLE))
            self._set(rtnetlink.add_rule(Rule(family, _FIRST - 1, _DIVERT_TABLE, DIVERTED)))

    def add(self, network: Network, ifindex: int) -> None:
        """Lead to a network, whose bridge is up and has its addresses. May be repeated."""
        for rule in self._rules(network):
            self._set(rtnetlink.add_rule(rule))
        for subnet in network.subnets:
            ip = ipaddress.ip_network(subnet.subnet)
            destination = str(ip.network_address)
            where = Route(destination, ip.prefixlen, "", ifindex, self._table)
            self._set(rtnetlink.add_route(where))
            self._set(rtnetlink.add_unreachable(destination, ip.prefixlen))

    def remove(self, network: Network) -> None:
        """Take away what is only for this network; the routes to it go with the bridge."""
        for rule in self._own_rules(network):
            self._unset(rtnetlink.delete_rule(rule))
        for subnet in network.subnets:
            ip = ipaddress.ip_network(subnet.subnet)
            self._unset(rtnetlink.delete_unreachable(str(ip.network_address), ip.prefixlen))

    def close(self) -> None:
        """Take away the rules that all networks share."""
        for version in _FAMILIES:
            for rule in self._shared_rules(version):
                self._unset(rtnetlink.delete_rule(rule))

    def _rules(self, network: Network) -> Iterator[Rule]:
        for subnet in network.subnets:
            yield from self._shared_rules(subnet.version)
        yield from self._own_rules(network)

    def _shared_rules(self, version: int) -> Iterator[Rule]:
        family = _FAMILIES[version]
        yield Rule(family, _FIRST, self._table, incoming="lo")
        yield Rule(family, _FIRST, self._table, mark=ADMITTED)

    def _own_rules(self, network: Network) -> Iterator[Rule]:
        if network.internal:
            for subnet in network.subnets:
                yield Rule(_FAMILIES[subnet.version], _FIRST + 1, incoming=network.bridge)

    def _set(self, request: bytes) -> None:
        try:
            self._netlink.request(request)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.EAFNOSUPPORT, errno.EOPNOTSUPP):
                raise

    def _unset(self, request: bytes) -> None:
        try:
            self._netlink.request(request)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ESRCH, errno.EAFNOSUPPORT, errno.EOPNOTSUPP):
                raise
