"""Watches for others wiping the firewall (`nft flush ruleset`, a firewall service's reload)."""

from __future__ import annotations

import os
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator

from wherry.linux import nftables

_SOL_NETLINK, _ADD_MEMBERSHIP = 270, 1
_GROUP_NFTABLES = 7
_HEADER = struct.Struct("=IHHII")


class Guard:
    """A thread that calls `wiped` when something of a table is deleted by anyone but its owner.

    `owner` is the netlink port of the socket through which we change the table ourselves.
    """

    def __init__(self, table: str, owner: int, wiped: Callable[[], None]) -> None:
        self._table = table
        self._owner = owner
        self._wiped = wiped
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, nftables.NETLINK_NETFILTER
        )
        self._socket.bind((0, 0))
        self._socket.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, _GROUP_NFTABLES)
        self._ended = os.eventfd(0, os.EFD_CLOEXEC)
        self._thread = threading.Thread(target=self._run, name="firewall guard", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread; waits for a call of `wiped` that is under way."""
        os.eventfd_write(self._ended, 1)
        self._thread.join()
        self._socket.close()
        os.close(self._ended)

    def _run(self) -> None:
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        poll.register(self._ended, select.POLLIN)
        while True:
            ready = dict(poll.poll())
            if self._ended in ready:
                return
            try:
                data = self._socket.recv(1 << 18)
            except OSError:  # ENOBUFS: so much happened that it is best to look
                self._wiped()
                continue
            if any(self._concerns_us(*event) for event in _events(data)):
                self._wiped()

    def _concerns_us(self, kind: int, sender: int, payload: bytes) -> bool:
        deleted = kind in nftables.DELETIONS
        return deleted and sender != self._owner and nftables.table_of(payload) == self._table


def _events(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    offset = 0
    while offset + 16 <= len(data):
        length, kind, _, _, sender = _HEADER.unpack_from(data, offset)
        if length < 16:
            return
        yield kind, sender, data[offset + 16 : offset + length]
        offset += (length + 3) & ~3
