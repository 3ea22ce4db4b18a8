"""The interfaces of networks in the kernel: bridges on the host, endpoints in containers.

Everything is idempotent, so what a kill -9 left half done is completed by doing it again.
"""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from wherry.errors import Internal, NotFound, Unsupported
from wherry.linux import namespaces, rtnetlink
from wherry.linux.netlink import Netlink
from wherry.linux.rtnetlink import Route
from wherry.network.model import Endpoint, Network
from wherry.network.routes import Routes

_BURST = 196_608
"""Bytes of a stream that pass between containers as one packet: thrice the usual, for half the CPU time."""

_FORWARDING = {4: "/proc/sys/net/ipv4/ip_forward", 6: "/proc/sys/net/ipv6/conf/all/forwarding"}


@contextmanager
def inside(namespace: int) -> Iterator[None]:
    """Run the block with the calling thread in another network namespace (descriptor of its nsfs file).

    Only for a few system calls: open a socket, write a sysctl. Raises OSError.
    """
    home = os.open(f"/proc/self/task/{threading.get_native_id()}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        namespaces.enter(namespace, namespaces.NEWNET)
        try:
            yield
        finally:
            namespaces.enter(home, namespaces.NEWNET)
    finally:
        os.close(home)


class Links:
    """Interfaces, seen from the host's network namespace; blocking, for one thread at a time."""

    def __init__(self, netlink: Netlink, routes: Routes) -> None:
        self._netlink = netlink
        self._routes = routes
        self._bridges: dict[str, int] = {}

    def is_up(self, network: Network) -> bool:
        """Whether this engine has raised the network's bridge, and it is still there."""
        known = self._bridges.get(network.bridge)
        return known is not None and _name_of(known) == network.bridge

    def ensure_bridge(self, network: Network) -> int:
        """The interface index of the network's bridge, made and given its addresses if it isn't there."""
        name = network.bridge
        if self.is_up(network):
            return self._bridges[name]
        link = rtnetlink.link(self._netlink, name)
        if link is None:
            messages = rtnetlink.bridge(name, mtu=network.mtu, ipv6=network.ipv6 is not None)
            self._netlink.request(*messages)
            link = rtnetlink.link(self._netlink, name)
            if link is None:
                raise Internal(f"bridge {name} vanished while it was made")
        elif link.kind != "bridge":
            raise Internal(f"interface {name} exists and is no bridge", hint="remove or rename it")
        for subnet in network.subnets:
            self._netlink.request(
                rtnetlink.address(link.ifindex, subnet.gateway, subnet.prefix, replace=True, route=False)
            )
            if not network.internal:
                _forward(subnet.version)
        self._routes.add(network, link.ifindex)
        self._bridges[name] = link.ifindex
        return link.ifindex

    def remove_bridge(self, network: Network) -> None:
        """Take the bridge away, if it is there and is one."""
        self._bridges.pop(network.bridge, None)
        link = rtnetlink.link(self._netlink, network.bridge)
        if link is not None and link.kind == "bridge":
            self._delete(network.bridge)
            self._routes.remove(network)

    def attach(self, network: Network, endpoint: Endpoint, namespace: int, *, default_route: bool) -> None:
        """Put the endpoint's interface, addressed and up, into a container's network namespace.

        Costs about a millisecond. Raises OSError, Unsupported.
        """
        parent = 0
        if network.driver == "bridge":
            bridge = self.ensure_bridge(network)
            messages = rtnetlink.veth(
                endpoint.host_interface,
                peer=endpoint.interface,
                peer_namespace=namespace,
                peer_mac=endpoint.mac,
                mtu=network.mtu,
                master=bridge,
                burst=_BURST,
            )
        else:
            parent = self._parent(network)
            mode = network.options.get(f"{network.driver}_mode", "")
            if network.driver == "macvlan":
                messages = (
                    rtnetlink.macvlan(
                        endpoint.interface,
                        parent=parent,
                        namespace=namespace,
                        mode=mode or "bridge",
                        mac=endpoint.mac,
                    ),
                )
            else:
                messages = (
                    rtnetlink.ipvlan(
                        endpoint.interface, parent=parent, namespace=namespace, mode=mode or "l2"
                    ),
                )
        try:
            self._netlink.request(*messages)
        except OSError as error:
            if error.errno == errno.EOPNOTSUPP and network.driver != "bridge":
                raise Unsupported(f"this kernel has no {network.driver} interfaces") from error
            raise
        with inside(namespace):
            inner = Netlink(rtnetlink.NETLINK_ROUTE)
        with inner:
            link = rtnetlink.link(inner, endpoint.interface)
            if link is None:
                raise Internal(f"interface {endpoint.interface} vanished from the container")
            configure = [
                rtnetlink.set_link(1, up=True),  # loopback has index 1 in every namespace
                rtnetlink.set_link(link.ifindex, up=True, link_local=bool(endpoint.ipv6)),
            ]
            for subnet, address in ((network.ipv4, endpoint.ipv4), (network.ipv6, endpoint.ipv6)):
                if subnet is None or not address:
                    continue
                configure.append(rtnetlink.address(link.ifindex, address, subnet.prefix))
                if default_route and not network.internal:
                    configure.append(rtnetlink.add_route(Route(gateway=subnet.gateway, ifindex=link.ifindex)))
            inner.request(*configure)

    def detach(self, network: Network, endpoint: Endpoint, namespace: int) -> None:
        """Take the endpoint's interface out of a running container; blocks for some 20 ms."""
        if network.driver == "bridge":
            self._delete(endpoint.host_interface)
        else:
            with inside(namespace), Netlink(rtnetlink.NETLINK_ROUTE) as inner:
                if rtnetlink.link(inner, endpoint.interface) is not None:
                    inner.request(rtnetlink.delete_link(endpoint.interface))

    def attached(self) -> set[str]:
        """The names of all interfaces in the host's network namespace."""
        return {link.name for link in rtnetlink.links(self._netlink)}

    def _parent(self, network: Network) -> int:
        name = network.options.get("parent", "")
        if not name:
            name = f"dm-{network.id[:12]}"  # as Docker: without a parent, a dummy that leads nowhere
            if rtnetlink.link(self._netlink, name) is None:
                self._netlink.request(rtnetlink.dummy(name, mtu=network.mtu))
        link = rtnetlink.link(self._netlink, name)
        if link is None:
            raise NotFound(f"parent interface {name} of network {network.name} not found")
        return link.ifindex

    def _delete(self, name: str) -> None:
        try:
            self._netlink.request(rtnetlink.delete_link(name))
        except OSError as error:
            if error.errno != errno.ENODEV:
                raise


def default_interface_name(taken: set[str]) -> str:
    """eth0, or the next one that a container does not have."""
    return next(name for number in range(len(taken) + 1) if (name := f"eth{number}") not in taken)


def _name_of(ifindex: int) -> str:
    try:
        return socket.if_indextoname(ifindex)
    except OSError:
        return ""


def _forward(version: int) -> None:
    """Let the machine forward packets of an IP version; it stays on, as with every other router."""
    path = _FORWARDING[version]
    try:
        with open(path) as file:
            if file.read().strip() != "0":
                return
        with open(path, "w") as file:
            file.write("1\n")
    except FileNotFoundError as error:
        raise Unsupported(f"this kernel has no IPv{version}") from error
    except OSError as error:
        raise Internal(f"can't switch on forwarding ({path}): {error.strerror}") from error
