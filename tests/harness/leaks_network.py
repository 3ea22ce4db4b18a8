"""What an engine left in the machine's network: interfaces, its firewall, its routing rules."""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import struct
import zlib
from pathlib import Path

from wherry.linux import nftables, rtnetlink
from wherry.linux.netlink import NLM_F_DUMP, Netlink, attributes, message

_GET_RULE = 34
_RULE_HEADER = 12
_RULE_TABLE = 15  # FRA_TABLE


def interfaces_named_after(home: Path) -> set[str]:
    """What the bridges and veth pairs of the networks and endpoints that the engine now has are called."""
    database = home / "state" / "wherry.db"
    names: set[str] = set()
    if not database.exists():
        return names
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as rows:
        for prefix, table in (("wh-", "networks"), ("wv", "endpoints")):
            with contextlib.suppress(sqlite3.OperationalError):  # nothing was ever in a network
                names |= {prefix + str(row[0])[:12] for row in rows.execute(f"SELECT id FROM {table}")}
    return names


def network_traces(home: Path, interfaces: set[str]) -> list[str]:
    """What is there of the engine with this home, and of `interfaces`, one line each.

    An ordinary user's engine has a network namespace that ends with it, so there is nothing to look for.
    """
    found = [f"interface {name}" for name in sorted(interfaces & set(os.listdir("/sys/class/net")))]
    if os.geteuid() != 0:
        return found
    name = f"wherry-{zlib.crc32(str(home / 'run').encode()):08x}"
    with Netlink(nftables.NETLINK_NETFILTER) as netlink:
        found += [f"nftables table {table}" for table in nftables.tables(netlink) if table == name]
    table = 0x7700_0000 | zlib.crc32(name.encode()) & 0xFF_FFFF
    with Netlink(rtnetlink.NETLINK_ROUTE) as netlink:
        for family in (socket.AF_INET, socket.AF_INET6):
            header = struct.pack("=BBBBBBBBI", family, 0, 0, 0, 0, 0, 0, 0, 0)
            for reply in netlink.request(message(_GET_RULE, NLM_F_DUMP, header)):
                if attributes(reply.payload, _RULE_HEADER).get(_RULE_TABLE) == struct.pack("=I", table):
                    found.append(f"routing rule to table {table:#x}, family {family}")
        found += [f"route in table {table:#x}" for r in rtnetlink.routes(netlink) if r.table == table]
    return found
