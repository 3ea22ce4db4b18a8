"""The netlink wire format: messages, attributes, acknowledgements (netlink(7), include/uapi/linux/netlink.h).

Only what several families share lives here. `rtnetlink.py` speaks of links, addresses and routes,
`nftables.py` of firewall tables. Everything is `bytes` in and `bytes` out, so what would be sent can be
compared in a test without a kernel.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple

NLM_F_REQUEST = 0x1
NLM_F_MULTI = 0x2
NLM_F_ACK = 0x4
NLM_F_ROOT = 0x100
NLM_F_MATCH = 0x200
NLM_F_DUMP = NLM_F_ROOT | NLM_F_MATCH
NLM_F_REPLACE = 0x100
NLM_F_EXCL = 0x200
NLM_F_CREATE = 0x400
NLM_F_APPEND = 0x800
NLM_F_ACK_TLVS = 0x200  # on an acknowledgement: the kernel's own words follow

NLMSG_ERROR = 2
NLMSG_DONE = 3

NLA_F_NESTED = 0x8000
_NLA_TYPE_MASK = 0x3FFF

_SOL_NETLINK = 270
_NETLINK_CAP_ACK = 10
_NETLINK_EXT_ACK = 11
_NLMSGERR_ATTR_MSG = 1

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_INT = struct.Struct("=i")


class Message(NamedTuple):
    """One message of a reply: its type and its payload after the netlink header."""

    type: int
    payload: bytes


def attribute(kind: int, payload: bytes) -> bytes:
    """One attribute, padded to four bytes."""
    length = 4 + len(payload)
    return _ATTRIBUTE.pack(length, kind) + payload + b"\0" * (-length & 3)


def nested(kind: int, *attributes: bytes) -> bytes:
    """An attribute that holds attributes."""
    return attribute(kind | NLA_F_NESTED, b"".join(attributes))


def string(kind: int, text: str) -> bytes:
    """A NUL-terminated string attribute."""
    return attribute(kind, text.encode() + b"\0")


def attributes(payload: bytes, offset: int = 0) -> dict[int, bytes]:
    """The attributes in `payload` from `offset` on, by type; a later one of the same type wins."""
    found: dict[int, bytes] = {}
    end = len(payload)
    while offset + 4 <= end:
        length, kind = _ATTRIBUTE.unpack_from(payload, offset)
        if length < 4 or offset + length > end:
            break
        found[kind & _NLA_TYPE_MASK] = payload[offset + 4 : offset + length]
        offset += (length + 3) & ~3
    return found


def elements(payload: bytes) -> Iterator[bytes]:
    """The attributes in `payload` as a list, for arrays whose entries share one type."""
    offset = 0
    while offset + 4 <= len(payload):
        length, _ = _ATTRIBUTE.unpack_from(payload, offset)
        if length < 4 or offset + length > len(payload):
            return
        yield payload[offset + 4 : offset + length]
        offset += (length + 3) & ~3


def message(kind: int, flags: int, payload: bytes, sequence: int = 0) -> bytes:
    """One netlink message; `Netlink` numbers it when it is sent."""
    return _HEADER.pack(16 + len(payload), kind, flags | NLM_F_REQUEST, sequence, 0) + payload


class Netlink:
    """A netlink socket in the network namespace that its maker was in; blocking, for one thread at a time.

    The socket stays bound to that namespace when the thread moves on. Close it, or use it as a context
    manager.
    """

    def __init__(self, family: int) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, family)
        self._sequence = 0
        try:
            self._socket.bind((0, 0))
            for option in (_NETLINK_CAP_ACK, _NETLINK_EXT_ACK):
                self._socket.setsockopt(_SOL_NETLINK, option, 1)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        except OSError:
            self._socket.close()
            raise

    @property
    def port(self) -> int:
        """By which the kernel tells this socket's doings from those of others."""
        return int(self._socket.getsockname()[0])

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Netlink:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def request(self, *messages: bytes) -> list[Message]:
        """Send all messages in one datagram and wait for the acknowledgement of each.

        Returns what the kernel answered besides acknowledgements. Messages that ask for a dump must be
        sent alone. Raises OSError with the kernel's own words for the first message that it refused;
        the messages after it may have been carried out (rtnetlink), or none was (nftables batches).
        """
        waiting = set()
        data = bytearray()
        for one in messages:
            self._sequence += 1
            start = len(data)
            data += one
            struct.pack_into("=I", data, start + 8, self._sequence)
            if struct.unpack_from("=H", one, 6)[0] & (NLM_F_ACK | NLM_F_DUMP):
                waiting.add(self._sequence)
        self._socket.sendto(data, (0, 0))
        replies: list[Message] = []
        failure: OSError | None = None
        while waiting:
            for kind, flags, sequence, payload in self._receive():
                if kind == NLMSG_ERROR:
                    waiting.discard(sequence)
                    code = -_INT.unpack_from(payload)[0]
                    if code and failure is None:
                        failure = OSError(code, _explain(code, flags, payload))
                        # nothing answers for what a failed batch did not reach
                        waiting = {number for number in waiting if number < sequence}
                elif kind == NLMSG_DONE:
                    waiting.discard(sequence)
                    code = -_INT.unpack_from(payload)[0] if len(payload) >= 4 else 0
                    if code and failure is None:
                        failure = OSError(code, _explain(code, flags, payload))
                else:
                    replies.append(Message(kind, payload))
        if failure is not None:
            self._drain()
            raise failure
        return replies

    def _receive(self) -> Iterator[tuple[int, int, int, bytes]]:
        data = self._socket.recv(1 << 18)
        offset = 0
        while offset + 16 <= len(data):
            length, kind, flags, sequence, _ = _HEADER.unpack_from(data, offset)
            if length < 16:
                return
            yield kind, flags, sequence, data[offset + 16 : offset + length]
            offset += (length + 3) & ~3

    def _drain(self) -> None:
        """Throw away acknowledgements of messages after a refused one, so that they meet no later request."""
        try:
            while self._socket.recv(1 << 18, socket.MSG_DONTWAIT):
                pass
        except BlockingIOError:
            pass


def _explain(code: int, flags: int, payload: bytes) -> str:
    words = os.strerror(code)
    if flags & NLM_F_ACK_TLVS:
        # with NETLINK_CAP_ACK only the header of the refused message is quoted
        said = attributes(payload, 4 + 16).get(_NLMSGERR_ATTR_MSG)
        if said:
            return f"{words} ({said.rstrip(bytes(1)).decode(errors='replace')})"
    return words
