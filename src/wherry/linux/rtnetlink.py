"""Links, addresses and routes (rtnetlink(7), include/uapi/linux/rtnetlink.h and if_link.h).

Functions that end in nothing build one message each, so a caller sends all that it wants in a single
`Netlink.request`. Functions that take a `Netlink` ask the kernel and return typed values.
"""

from __future__ import annotations

import os
import socket
import struct
from typing import NamedTuple

from wherry.linux.netlink import (
    NLM_F_ACK,
    NLM_F_CREATE,
    NLM_F_DUMP,
    NLM_F_EXCL,
    NLM_F_REPLACE,
    Netlink,
    attribute,
    attributes,
    message,
    nested,
    string,
)

NETLINK_ROUTE = 0

_RTM_NEWLINK, _RTM_DELLINK, _RTM_GETLINK = 16, 17, 18
_RTM_NEWADDR, _RTM_GETADDR = 20, 22
_RTM_NEWROUTE, _RTM_DELROUTE, _RTM_GETROUTE = 24, 25, 26
_RTM_NEWRULE, _RTM_DELRULE = 32, 33
_FRA_DST, _FRA_IIFNAME, _FRA_PRIORITY, _FRA_FWMARK, _FRA_TABLE, _FRA_FWMASK = 1, 3, 6, 10, 15, 16
_FR_ACT_TO_TBL, _FR_ACT_UNREACHABLE = 1, 7

_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_LINK, _IFLA_MASTER = 1, 3, 4, 5, 10
_IFLA_LINKINFO, _IFLA_NET_NS_PID, _IFLA_IFALIAS, _IFLA_AF_SPEC, _IFLA_NET_NS_FD = 18, 19, 20, 26, 28
_IFLA_GSO_IPV4_MAX_SIZE, _IFLA_GRO_IPV4_MAX_SIZE = 63, 64
_IFLA_INFO_KIND, _IFLA_INFO_DATA = 1, 2
_IFLA_INFO_SLAVE_KIND, _IFLA_INFO_SLAVE_DATA, _IFLA_BRPORT_MODE = 4, 5, 4
_VETH_INFO_PEER = 1
_IFLA_INET6_ADDR_GEN_MODE, _ADDR_GEN_NONE = 8, 1
_IFLA_MACVLAN_MODE, _IFLA_IPVLAN_MODE = 1, 1
_IFF_UP = 1
_IFF_LOOPBACK = 8

_IFA_ADDRESS, _IFA_LOCAL, _IFA_BROADCAST, _IFA_FLAGS = 1, 2, 4, 8
_IFA_F_NODAD, _IFA_F_NOPREFIXROUTE = 2, 0x200
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY, _RTA_PREFSRC, _RTA_TABLE = 1, 4, 5, 6, 7, 15
_RT_TABLE_MAIN, _RTPROT_BOOT, _RTN_UNICAST, _RTN_LOCAL, _RTN_UNREACHABLE = 254, 3, 1, 2, 7
_SCOPE_UNIVERSE, _SCOPE_LINK, _SCOPE_HOST = 0, 253, 254

_MACVLAN_MODES = {"private": 1, "vepa": 2, "bridge": 4, "passthru": 8}
_IPVLAN_MODES = {"l2": 0, "l3": 1, "l3s": 2}

_LINK = struct.Struct("=BxHiII")  # ifinfomsg: family, type, index, flags, change
_ADDR = struct.Struct("=BBBBI")  # ifaddrmsg: family, prefix length, flags, scope, index
_ROUTE = struct.Struct("=BBBBBBBBI")  # rtmsg: family, prefixes, tos, table, …


_LAST_METRIC = 0xFFFF_0000  # behind every real route of the same prefix


class Link(NamedTuple):
    """A network interface as the kernel tells of it."""

    ifindex: int
    name: str
    kind: str  # "bridge", "veth", "macvlan", …; "" for hardware and loopback
    mac: str
    mtu: int
    up: bool
    master: int  # index of the bridge that it is a port of, 0 for none
    loopback: bool


class Address(NamedTuple):
    """An address on an interface."""

    ifindex: int
    address: str
    prefix: int


class Route(NamedTuple):
    """A unicast route: default without a destination, on link without a gateway."""

    destination: str = ""
    prefix: int = 0
    gateway: str = ""
    ifindex: int = 0
    table: int = _RT_TABLE_MAIN


class Rule(NamedTuple):
    """A routing rule: what matches all that is given looks in `table`, or is unreachable without one."""

    family: int
    priority: int
    table: int = 0
    mark: int = 0  # bits that must be set
    incoming: str = ""  # interface; "lo" for what this machine sends
    destination: str = ""
    prefix: int = 0


def _family(address: str) -> int:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _packed(address: str) -> bytes:
    return socket.inet_pton(_family(address), address)


def _mac(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


def _u32(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("=I", value))


def _new_link(*attrs: bytes, index: int = 0, up: bool | None = None, create: bool = True) -> bytes:
    flags = NLM_F_ACK | (NLM_F_CREATE | NLM_F_EXCL if create else 0)
    state = _IFF_UP if up else 0
    header = _LINK.pack(0, 0, index, state, _IFF_UP if up is not None else 0)
    return message(_RTM_NEWLINK, flags, header + b"".join(attrs))


def _burst(size: int) -> list[bytes]:
    """How many bytes of an IPv4 stream pass an interface as one packet (Linux 6.3; older ones ignore it)."""
    return [_u32(kind, size) for kind in (_IFLA_GSO_IPV4_MAX_SIZE, _IFLA_GRO_IPV4_MAX_SIZE)] if size else []


def bridge(name: str, *, mac: str = "", mtu: int = 0, ipv6: bool = True) -> tuple[bytes, ...]:
    """Make a bridge and set it up. Without `ipv6` it gets no link-local address."""
    attrs = [string(_IFLA_IFNAME, name), nested(_IFLA_LINKINFO, string(_IFLA_INFO_KIND, "bridge"))]
    if mac:
        attrs.append(attribute(_IFLA_ADDRESS, _mac(mac)))
    if mtu:
        attrs.append(_u32(_IFLA_MTU, mtu))
    # in this order: an interface that comes up makes itself an address
    return _new_link(*attrs), set_link(name=name, link_local=ipv6), set_link(name=name, up=True)


def veth(
    name: str,
    *,
    peer: str,
    peer_namespace: int,
    peer_mac: str = "",
    mtu: int = 0,
    master: int = 0,
    burst: int = 0,
) -> tuple[bytes, ...]:
    """Make a veth pair: `name` here, up, without addresses, a port of bridge index `master`; `peer` in the
    network namespace of file descriptor `peer_namespace`, down.

    `burst` is how many bytes of an IPv4 stream may pass as one packet here and on the bridge, 524,280 at the
    most; 0: 65,536. What goes on to hardware is cut to its size there. Kernels before 6.3 ignore it.

    The port may send back where a packet came from (hairpin): with bridge netfilter on, that is how a
    container reaches itself through its published port.
    """
    other = [string(_IFLA_IFNAME, peer), _u32(_IFLA_NET_NS_FD, peer_namespace), *_burst(burst)]
    mine = [string(_IFLA_IFNAME, name), *_burst(burst)]
    if peer_mac:
        other.append(attribute(_IFLA_ADDRESS, _mac(peer_mac)))
    if mtu:
        other.append(_u32(_IFLA_MTU, mtu))
        mine.append(_u32(_IFLA_MTU, mtu))
    if master:
        mine.append(_u32(_IFLA_MASTER, master))
    info = nested(
        _IFLA_LINKINFO,
        string(_IFLA_INFO_KIND, "veth"),
        nested(_IFLA_INFO_DATA, nested(_VETH_INFO_PEER, _LINK.pack(0, 0, 0, 0, 0) + b"".join(other))),
    )
    made = _new_link(*mine, info), set_link(name=name, up=True, link_local=False, hairpin=bool(master))
    if not (master and burst):
        return made
    # a bridge takes from its ports what it may send at once, so it learns of it last
    return *made, _new_link(*_burst(burst), index=master, create=False)


def macvlan(name: str, *, parent: int, namespace: int, mode: str = "bridge", mac: str = "") -> bytes:
    """Make a macvlan of interface index `parent` straight in another network namespace."""
    data = nested(_IFLA_INFO_DATA, _u32(_IFLA_MACVLAN_MODE, _MACVLAN_MODES[mode]))
    return _child(name, "macvlan", data, parent=parent, namespace=namespace, mac=mac)


def ipvlan(name: str, *, parent: int, namespace: int, mode: str = "l2") -> bytes:
    """Make an ipvlan of interface index `parent` straight in another network namespace."""
    data = nested(_IFLA_INFO_DATA, attribute(_IFLA_IPVLAN_MODE, struct.pack("=H", _IPVLAN_MODES[mode])))
    return _child(name, "ipvlan", data, parent=parent, namespace=namespace, mac="")


def dummy(name: str, *, mtu: int = 0) -> bytes:
    """Make a dummy interface, up."""
    attrs = [string(_IFLA_IFNAME, name), nested(_IFLA_LINKINFO, string(_IFLA_INFO_KIND, "dummy"))]
    if mtu:
        attrs.append(_u32(_IFLA_MTU, mtu))
    return _new_link(*attrs, up=True)


def _child(name: str, kind: str, data: bytes, *, parent: int, namespace: int, mac: str) -> bytes:
    attrs = [
        string(_IFLA_IFNAME, name),
        _u32(_IFLA_LINK, parent),
        _u32(_IFLA_NET_NS_FD, namespace),
        nested(_IFLA_LINKINFO, string(_IFLA_INFO_KIND, kind), data),
    ]
    if mac:
        attrs.append(attribute(_IFLA_ADDRESS, _mac(mac)))
    return _new_link(*attrs)


def set_link(
    index: int = 0,
    *,
    name: str = "",
    up: bool | None = None,
    master: int | None = None,
    mtu: int = 0,
    mac: str = "",
    link_local: bool = True,
    hairpin: bool = False,
) -> bytes:
    """Change an interface, found by its index or else its name. With both it is renamed, and must be down.

    `master` 0 takes it off its bridge. Without `link_local` it makes itself no IPv6 address; the kernel
    takes that only from an interface that exists, so it is no part of making one.
    """
    attrs = []
    if name:
        attrs.append(string(_IFLA_IFNAME, name))
    if master is not None:
        attrs.append(_u32(_IFLA_MASTER, master))
    if mtu:
        attrs.append(_u32(_IFLA_MTU, mtu))
    if mac:
        attrs.append(attribute(_IFLA_ADDRESS, _mac(mac)))
    if not link_local and os.path.exists("/proc/sys/net/ipv6"):  # a kernel without IPv6 refuses the attribute
        mode = attribute(_IFLA_INET6_ADDR_GEN_MODE, bytes([_ADDR_GEN_NONE]))
        attrs.append(nested(_IFLA_AF_SPEC, nested(socket.AF_INET6, mode)))
    if hairpin:
        mode = nested(_IFLA_INFO_SLAVE_DATA, attribute(_IFLA_BRPORT_MODE, b"\x01"))
        attrs.append(nested(_IFLA_LINKINFO, string(_IFLA_INFO_SLAVE_KIND, "bridge"), mode))
    return _new_link(*attrs, index=index, up=up, create=False)


def delete_link(name: str) -> bytes:
    """Remove the interface of this name; a veth pair goes with either end."""
    return message(_RTM_DELLINK, NLM_F_ACK, _LINK.pack(0, 0, 0, 0, 0) + string(_IFLA_IFNAME, name))


def address(index: int, ip: str, prefix: int, *, replace: bool = False, route: bool = True) -> bytes:
    """Give an interface an address, with the main table's route to its subnet unless told not to.

    IPv6 ones are usable at once, without duplicate detection.
    """
    packed = _packed(ip)
    attrs = [attribute(_IFA_LOCAL, packed), attribute(_IFA_ADDRESS, packed)]
    flags = 0 if route else _IFA_F_NOPREFIXROUTE
    if len(packed) == 16:
        flags |= _IFA_F_NODAD
    elif prefix < 31:
        broadcast = int.from_bytes(packed, "big") | (1 << (32 - prefix)) - 1
        attrs.append(attribute(_IFA_BROADCAST, broadcast.to_bytes(4, "big")))
    attrs.append(_u32(_IFA_FLAGS, flags))
    header = _ADDR.pack(_family(ip), prefix, flags & 0xFF, _SCOPE_UNIVERSE, index)
    how = NLM_F_CREATE | (NLM_F_REPLACE if replace else NLM_F_EXCL)
    return message(_RTM_NEWADDR, NLM_F_ACK | how, header + b"".join(attrs))


def add_route(route: Route, *, metric: int = 0) -> bytes:
    """Add a route, in place of one that differs only in where it leads."""
    return _route(_RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, route, metric)


def _route(kind: int, how: int, route: Route, metric: int) -> bytes:
    attrs = []
    if route.destination and route.prefix:
        attrs.append(attribute(_RTA_DST, _packed(route.destination)))
    if route.gateway:
        attrs.append(attribute(_RTA_GATEWAY, _packed(route.gateway)))
    if route.ifindex:
        attrs.append(_u32(_RTA_OIF, route.ifindex))
    if metric:
        attrs.append(_u32(_RTA_PRIORITY, metric))
    family = _family(route.gateway or route.destination)
    scope = _SCOPE_UNIVERSE if route.gateway else _SCOPE_LINK
    attrs.append(_u32(_RTA_TABLE, route.table))
    header = _ROUTE.pack(family, route.prefix, 0, 0, 0, _RTPROT_BOOT, scope, _RTN_UNICAST, 0)
    return message(kind, NLM_F_ACK | how, header + b"".join(attrs))


def add_unreachable(destination: str, prefix: int) -> bytes:
    """Have the main table say that a subnet can't be reached; others see by it that the subnet is taken.

    Docker looks at routes of the scope `link` only when it chooses subnets, so it has that.
    """
    return _unreachable(_RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, destination, prefix)


def delete_unreachable(destination: str, prefix: int) -> bytes:
    """Remove what `add_unreachable` made."""
    return _unreachable(_RTM_DELROUTE, 0, destination, prefix)


def _unreachable(kind: int, how: int, destination: str, prefix: int) -> bytes:
    family = _family(destination)
    header = _ROUTE.pack(family, prefix, 0, 0, _RT_TABLE_MAIN, _RTPROT_BOOT, _SCOPE_LINK, _RTN_UNREACHABLE, 0)
    attrs = attribute(_RTA_DST, _packed(destination)), _u32(_RTA_PRIORITY, _LAST_METRIC)
    return message(kind, NLM_F_ACK | how, header + b"".join(attrs))


def everything_local(family: int, table: int) -> bytes:
    """A route in `table` that delivers to this machine's own sockets whatever is looked up there."""
    where = _u32(_RTA_TABLE, table), _u32(_RTA_OIF, 1)  # loopback has index 1 everywhere
    header = _ROUTE.pack(family, 0, 0, 0, 0, _RTPROT_BOOT, _SCOPE_HOST, _RTN_LOCAL, 0)
    return message(_RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, header + b"".join(where))


def add_rule(rule: Rule) -> bytes:
    """Add a rule; EEXIST where it is there."""
    return _rule(_RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule)


def delete_rule(rule: Rule) -> bytes:
    """Remove a rule; ENOENT where it is not there."""
    return _rule(_RTM_DELRULE, 0, rule)


def _rule(kind: int, how: int, rule: Rule) -> bytes:
    attrs = [_u32(_FRA_PRIORITY, rule.priority)]
    if rule.table:
        attrs.append(_u32(_FRA_TABLE, rule.table))
    if rule.mark:
        attrs += [_u32(_FRA_FWMARK, rule.mark), _u32(_FRA_FWMASK, rule.mark)]
    if rule.incoming:
        attrs.append(string(_FRA_IIFNAME, rule.incoming))
    if rule.destination:
        attrs.append(attribute(_FRA_DST, _packed(rule.destination)))
    action = _FR_ACT_TO_TBL if rule.table else _FR_ACT_UNREACHABLE
    header = _ROUTE.pack(rule.family, rule.prefix, 0, 0, 0, 0, 0, action, 0)
    return message(kind, NLM_F_ACK | how, header + b"".join(attrs))


def links(netlink: Netlink) -> list[Link]:
    """All interfaces of the socket's network namespace."""
    return [
        _parse_link(reply.payload)
        for reply in netlink.request(_dump(_RTM_GETLINK, _LINK.pack(0, 0, 0, 0, 0)))
    ]


def link(netlink: Netlink, name: str) -> Link | None:
    """The interface of this name, or None."""
    header = _LINK.pack(0, 0, 0, 0, 0)
    try:
        replies = netlink.request(message(_RTM_GETLINK, NLM_F_ACK, header + string(_IFLA_IFNAME, name)))
    except OSError as error:
        if error.errno == 19:  # ENODEV
            return None
        raise
    return _parse_link(replies[0].payload)


def addresses(netlink: Netlink) -> list[Address]:
    """All addresses of the socket's network namespace, IPv4 and IPv6."""
    found = []
    for reply in netlink.request(_dump(_RTM_GETADDR, _ADDR.pack(0, 0, 0, 0, 0))):
        family, prefix, _, _, index = _ADDR.unpack_from(reply.payload)
        attrs = attributes(reply.payload, _ADDR.size)
        packed = attrs.get(_IFA_LOCAL) or attrs.get(_IFA_ADDRESS)
        if packed and family in (socket.AF_INET, socket.AF_INET6):
            found.append(Address(index, socket.inet_ntop(family, packed), prefix))
    return found


def routes(netlink: Netlink) -> list[Route]:
    """The unicast routes of all tables, IPv4 and IPv6."""
    # asked for both at once, the kernel leaves tables other than main out
    replies = [
        reply
        for family in (socket.AF_INET, socket.AF_INET6)
        for reply in netlink.request(_dump(_RTM_GETROUTE, _ROUTE.pack(family, 0, 0, 0, 0, 0, 0, 0, 0)))
    ]
    found = []
    for reply in replies:
        family, prefix, _, _, table, _, _, kind, _ = _ROUTE.unpack_from(reply.payload)
        attrs = attributes(reply.payload, _ROUTE.size)
        if wide := attrs.get(_RTA_TABLE):
            table = struct.unpack("=I", wide)[0]
        if kind != _RTN_UNICAST or family not in (socket.AF_INET, socket.AF_INET6):
            continue
        destination, gateway = attrs.get(_RTA_DST), attrs.get(_RTA_GATEWAY)
        found.append(
            Route(
                socket.inet_ntop(family, destination) if destination else "",
                prefix,
                socket.inet_ntop(family, gateway) if gateway else "",
                struct.unpack("=I", attrs[_RTA_OIF])[0] if _RTA_OIF in attrs else 0,
                table,
            )
        )
    return found


def _dump(kind: int, header: bytes) -> bytes:
    return message(kind, NLM_F_DUMP, header)


def _parse_link(payload: bytes) -> Link:
    _, _, index, flags, _ = _LINK.unpack_from(payload)
    attrs = attributes(payload, _LINK.size)
    info = attributes(attrs.get(_IFLA_LINKINFO, b""))
    return Link(
        index,
        _text(attrs.get(_IFLA_IFNAME, b"")),
        _text(info.get(_IFLA_INFO_KIND, b"")),
        attrs.get(_IFLA_ADDRESS, b"").hex(":"),
        struct.unpack("=I", attrs[_IFLA_MTU])[0],
        bool(flags & _IFF_UP),
        struct.unpack("=I", attrs[_IFLA_MASTER])[0] if _IFLA_MASTER in attrs else 0,
        bool(flags & _IFF_LOOPBACK),
    )


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\0").decode(errors="replace")
