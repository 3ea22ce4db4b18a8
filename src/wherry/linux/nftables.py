"""nftables over netlink: tables, chains, sets, maps, rules (include/uapi/linux/netfilter/nf_tables.h).

A firewall is told as values: `Chain`, `Set`, `Rule` of expressions. `Batch` collects what is to be made and
`commit` hands it to the kernel as one transaction: all of it holds from one packet to the next, or none.
Addresses and ports are in network byte order, as everything here.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from typing import NamedTuple

from wherry.linux.netlink import (
    NLM_F_ACK,
    NLM_F_APPEND,
    NLM_F_CREATE,
    NLM_F_DUMP,
    NLM_F_EXCL,
    Netlink,
    attribute,
    attributes,
    elements,
    message,
    nested,
    string,
)

NETLINK_NETFILTER = 12

INET = 1  # NFPROTO_INET: one table for IPv4 and IPv6

_SUBSYSTEM = 10 << 8
_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
_NEWTABLE, _GETTABLE, _DELTABLE = _SUBSYSTEM, _SUBSYSTEM | 1, _SUBSYSTEM | 2
_NEWCHAIN, _NEWRULE, _NEWSET = _SUBSYSTEM | 3, _SUBSYSTEM | 6, _SUBSYSTEM | 9
_NEWSETELEM, _GETSETELEM, _DELSETELEM = _SUBSYSTEM | 12, _SUBSYSTEM | 13, _SUBSYSTEM | 14

DELETIONS = frozenset(_SUBSYSTEM | kind for kind in (2, 5, 8, 11))
"""Types of the notifications that a table, chain, rule or set was deleted."""

_LIST_ELEM, _DATA_VALUE, _DATA_VERDICT = 1, 1, 2
_SET_INTERVAL, _SET_MAP = 4, 8
_ELEM_INTERVAL_END = 1

PREROUTING, INPUT, FORWARD, OUTPUT, POSTROUTING = range(5)

DROP, ACCEPT, JUMP, RETURN = 0, 1, -3, -5


class Type(NamedTuple):
    """A data type of keys and map values: the number that `nft` shows it by, and its length in bytes."""

    number: int
    length: int


IPV4, IPV6, PROTOCOL, PORT, INTERFACE = Type(7, 4), Type(8, 16), Type(12, 1), Type(13, 2), Type(41, 16)


class Set(NamedTuple):
    """A named set, or a map when it has `value` types."""

    name: str
    key: tuple[Type, ...]
    value: tuple[Type, ...] = ()
    interval: bool = False


class Chain(NamedTuple):
    """A chain; with a hook it is a base chain that packets pass through at `priority`."""

    name: str
    kind: str = ""  # "filter" or "nat"
    hook: int = 0
    priority: int = 0


def ipv4(address: str) -> bytes:
    return socket.inet_pton(socket.AF_INET, address)


def ipv6(address: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6, address)


def port(number: int) -> bytes:
    return struct.pack("!H", number)


def interface(name: str) -> bytes:
    return name.encode().ljust(16, b"\0")


def concat(*fields: bytes) -> bytes:
    """Fields of one key or value, each padded to a 32-bit register."""
    return b"".join(field + b"\0" * (-len(field) & 3) for field in fields)


def _u32(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("!I", value & 0xFFFFFFFF))


def _expression(name: str, *attrs: bytes) -> bytes:
    return nested(_LIST_ELEM, string(1, name), nested(2, *attrs))


# Registers: 1 is the first 16 bytes; 8 + n is its n-th 32-bit word. A concatenated key starts at word 0.


def payload(base: int, offset: int, length: int, *, word: int = 0) -> bytes:
    """Load from a header: base 1 is the network's, 2 the transport's."""
    return _expression("payload", _u32(1, 8 + word), _u32(2, base), _u32(3, offset), _u32(4, length))


_META = {"iifname": 6, "oifname": 7, "nfproto": 15, "l4proto": 16, "mark": 3}


def meta(key: str, *, word: int = 0) -> bytes:
    """Load what the kernel knows of the packet."""
    return _expression("meta", _u32(1, 8 + word), _u32(2, _META[key]))


def compare(data: bytes, *, equal: bool = True) -> bytes:
    """Go on only when the register equals `data`, or does not."""
    return _expression("cmp", _u32(1, 8), _u32(2, 0 if equal else 1), nested(3, attribute(_DATA_VALUE, data)))


def lookup(name: str, *, inverted: bool = False, load: bool = False) -> bytes:
    """Go on only when the key is in the set (or is not); of a map, `load` the value."""
    attrs = [string(1, name), _u32(2, 8)]
    if load:
        attrs.append(_u32(3, 8))
    if inverted:
        attrs.append(_u32(5, 1))
    return _expression("lookup", *attrs)


def conntrack(key: str, mask: int) -> tuple[bytes, ...]:
    """Go on only when the connection's `state` or `status` (native byte order bits) has a bit of `mask`."""
    bits, zero = struct.pack("=I", mask), bytes(4)
    return (
        _expression("ct", _u32(1, 8), _u32(2, {"state": 0, "status": 2}[key])),
        _bitwise(bits, zero),
        compare(zero, equal=False),
    )


def destination_is_local() -> tuple[bytes, ...]:
    """Go on only for packets to an address of this machine (`fib daddr type local`)."""
    return _expression("fib", _u32(1, 8), _u32(2, 3), _u32(3, 2)), compare(struct.pack("=I", 2))


def verdict(code: int, chain: str = "") -> bytes:
    """End with DROP, ACCEPT or RETURN, or JUMP to a chain."""
    inner = [_u32(1, code)]
    if chain:
        inner.append(string(2, chain))
    return _expression("immediate", _u32(1, 0), nested(2, nested(_DATA_VERDICT, *inner)))


def constant(data: bytes) -> bytes:
    """Load fixed bytes, as many as the first registers hold (16 each)."""
    words = [data[start : start + 4] for start in range(0, len(data), 4)]
    return b"".join(
        _expression("immediate", _u32(1, 8 + number), nested(2, attribute(_DATA_VALUE, word)))
        for number, word in enumerate(words)
    )


def dnat(family: int) -> bytes:
    """Rewrite the destination to the address and port in the registers, as a map of both loads them."""
    port_register = 8 + (1 if family == socket.AF_INET else 4)
    registers = _u32(3, 8), _u32(4, 8), _u32(5, port_register), _u32(6, port_register)
    return _expression("nat", _u32(1, 1), _u32(2, family), *registers)


def transparent() -> tuple[bytes, ...]:
    """Go on only for packets of a socket that speaks with another's address (IP_TRANSPARENT)."""
    return _expression("socket", _u32(1, 0), _u32(2, 8)), compare(b"\x01")


def set_mark(bits: int) -> tuple[bytes, ...]:
    """Add bits to the packet's mark; those of others stay."""
    kept, added = struct.pack("=I", ~bits & 0xFFFFFFFF), struct.pack("=I", bits)
    return (
        meta("mark"),
        _bitwise(kept, added),
        _expression("meta", _u32(2, _META["mark"]), _u32(3, 8)),
    )


def _bitwise(mask: bytes, flip: bytes) -> bytes:
    """register = register & mask ^ flip"""
    data = nested(4, attribute(_DATA_VALUE, mask)), nested(5, attribute(_DATA_VALUE, flip))
    return _expression("bitwise", _u32(1, 8), _u32(2, 8), _u32(3, 4), *data)


def masquerade() -> bytes:
    """Rewrite the source to the address of the interface that the packet leaves by."""
    return _expression("masq")


class Batch:
    """Changes to one table of the inet family, made as one transaction."""

    def __init__(self, table: str) -> None:
        self.table = table
        self._messages: list[bytes] = []

    def _add(self, kind: int, flags: int, *attrs: bytes) -> None:
        body = b"".join(attrs)
        self._messages.append(message(kind, NLM_F_ACK | flags, struct.pack("!BBH", INET, 0, 0) + body))

    def add_table(self) -> None:
        self._add(_NEWTABLE, NLM_F_CREATE, string(1, self.table))

    def delete_table(self) -> None:
        self._add(_DELTABLE, 0, string(1, self.table))

    def add_chain(self, chain: Chain) -> None:
        attrs = [string(1, self.table), string(3, chain.name)]
        if chain.kind:
            attrs.append(nested(4, _u32(1, chain.hook), _u32(2, chain.priority)))
            attrs += [_u32(5, ACCEPT), string(7, chain.kind)]
        self._add(_NEWCHAIN, NLM_F_CREATE, *attrs)

    def add_rule(self, chain: str, *expressions: bytes) -> None:
        body = nested(4, *expressions)
        self._add(_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, string(1, self.table), string(2, chain), body)

    def add_set(self, one: Set, number: int) -> None:
        """Make a set or map; `number` tells the sets of one batch apart."""
        flags = (_SET_INTERVAL if one.interval else 0) | (_SET_MAP if one.value else 0)
        attrs = [string(1, self.table), string(2, one.name), _u32(3, flags), *_types(4, one.key)]
        if one.value:
            attrs += _types(6, one.value)
        if one.key == (INTERFACE,):  # so that `nft list` reads the name, which is in host byte order
            attrs.append(attribute(13, struct.pack("=BBI", 0, 4, 1)))
        self._add(_NEWSET, NLM_F_CREATE, *attrs, _u32(10, number))

    def add_element(self, name: str, key: bytes, value: bytes = b"", *, exclusive: bool = False) -> None:
        """Put an element into a set or map; `exclusive` fails with EEXIST when the key is there."""
        how = NLM_F_CREATE | (NLM_F_EXCL if exclusive else 0)
        self._elements(_NEWSETELEM, how, name, [_element(key, value)])

    def delete_element(self, name: str, key: bytes, value: bytes = b"") -> None:
        """Take an element out of a set or map; ENOENT when it is not there."""
        self._elements(_DELSETELEM, 0, name, [_element(key, value)])

    def add_range(self, name: str, first: bytes, behind: bytes) -> None:
        """Put the interval from `first` up to, not including, `behind` into an interval set."""
        self._elements(_NEWSETELEM, NLM_F_CREATE, name, [_element(first), _element(behind, end=True)])

    def delete_range(self, name: str, first: bytes, behind: bytes) -> None:
        self._elements(_DELSETELEM, 0, name, [_element(first), _element(behind, end=True)])

    def _elements(self, kind: int, how: int, name: str, items: Iterable[bytes]) -> None:
        self._add(kind, how, string(1, self.table), string(2, name), nested(3, *items))

    def commit(self, netlink: Netlink) -> None:
        """Carry out all of it or, raising OSError, none of it."""
        if not self._messages:
            return
        edge = struct.pack("!BBH", 0, 0, 10)
        netlink.request(message(_BATCH_BEGIN, 0, edge), *self._messages, message(_BATCH_END, 0, edge))
        self._messages.clear()


def _types(kind: int, types: tuple[Type, ...]) -> list[bytes]:
    number = 0
    for one in types:
        number = number << 6 | one.number
    lengths = [one.length for one in types]
    length = lengths[0] if len(lengths) == 1 else sum((one + 3) & ~3 for one in lengths)
    return [_u32(kind, number), _u32(kind + 1, length)]


def _element(key: bytes, value: bytes = b"", *, end: bool = False) -> bytes:
    attrs = [nested(1, attribute(_DATA_VALUE, key))]
    if value:
        attrs.append(nested(2, attribute(_DATA_VALUE, value)))
    if end:
        attrs.append(_u32(3, _ELEM_INTERVAL_END))
    return nested(_LIST_ELEM, *attrs)


def tables(netlink: Netlink, family: int = INET) -> list[str]:
    """The names of a family's tables (IPv4: 2, IPv6: 10)."""
    header = struct.pack("!BBH", family, 0, 0)
    replies = netlink.request(message(_GETTABLE, NLM_F_DUMP, header))
    return [attributes(reply.payload, 4)[1].rstrip(b"\0").decode() for reply in replies]


def table_of(payload: bytes) -> str:
    """The name of the table that a notification is about."""
    return attributes(payload, 4).get(1, b"").rstrip(b"\0").decode(errors="replace")


def set_elements(netlink: Netlink, table: str, name: str) -> list[tuple[bytes, bytes]]:
    """The keys, with their values, of a set or map."""
    header = struct.pack("!BBH", INET, 0, 0)
    request = message(_GETSETELEM, NLM_F_DUMP, header + string(1, table) + string(2, name))
    found = []
    for reply in netlink.request(request):
        for item in elements(attributes(reply.payload, 4).get(3, b"")):
            attrs = attributes(item)
            key = attributes(attrs[1])[_DATA_VALUE]
            value = attributes(attrs[2])[_DATA_VALUE] if 2 in attrs else b""
            found.append((key, value))
    return found
