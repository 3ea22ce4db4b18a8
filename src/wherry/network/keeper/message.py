"""DNS messages, as far as a resolver must understand them to answer or pass them on (RFC 1035, 6891)."""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

A, PTR, AAAA, OPT, ANY = 1, 12, 28, 41, 255
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = 0, 1, 2, 3, 4, 5

_HEADER = struct.Struct("!HHHHHH")
_QR, _AA, _TC, _RD, _RA = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080
_OUR_PAYLOAD = 1232


class Query(NamedTuple):
    """A question: `name` is lower case without the final dot, `question` its bytes as they came."""

    id: int
    flags: int
    name: str
    type: int
    question: bytes
    payload: int  # the largest datagram that the asker takes
    edns: bool

    @property
    def opcode(self) -> int:
        return self.flags >> 11 & 0xF


def parse(data: bytes) -> Query | None:
    """The question in a message, or None for what is no well-formed query of one question."""
    if len(data) < 12:
        return None
    number, flags, questions, answers, authorities, additional = _HEADER.unpack_from(data)
    if flags & _QR or questions != 1 or answers:
        return None
    labels = []
    offset = 12
    while offset < len(data) and (length := data[offset]):
        if length > 63 or offset + 1 + length > len(data):  # compression has no place in a first question
            return None
        labels.append(data[offset + 1 : offset + 1 + length])
        offset += 1 + length
    offset += 1
    if offset + 4 > len(data) or offset - 12 > 255:
        return None
    kind, _ = struct.unpack_from("!HH", data, offset)
    end = offset + 4
    payload, edns = 512, False
    if additional and not authorities and len(data) >= end + 11 and data[end] == 0:
        record, size = struct.unpack_from("!HH", data, end + 1)
        if record == OPT:
            payload, edns = max(512, size), True
    name = b".".join(labels).decode("ascii", "replace").lower()
    return Query(number, flags, name, kind, data[12:end], payload, edns)


def answer(
    query: Query, records: list[tuple[int, bytes]], code: int = NOERROR, *, limit: int = 65535
) -> bytes:
    """A reply with records of (type, data), all for the name asked; truncated to `limit` bytes.

    Time to live is 0: names follow containers at once.
    """
    flags = _QR | _AA | _RA | (query.flags & _RD) | code
    tail = b"\0" + struct.pack("!HHIH", OPT, _OUR_PAYLOAD, 0, 0) if query.edns else b""
    body = b"".join(
        b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 0, len(data)) + data for kind, data in records
    )
    count = len(records)
    if 12 + len(query.question) + len(body) + len(tail) > limit:
        flags, body, count = flags | _TC, b"", 0
    header = _HEADER.pack(query.id, flags, 1, count, 0, 1 if tail else 0)
    return header + query.question + body + tail


def address(text: str) -> tuple[int, bytes]:
    """An address as the record that tells it."""
    if ":" in text:
        return AAAA, socket.inet_pton(socket.AF_INET6, text)
    return A, socket.inet_pton(socket.AF_INET, text)


def pointer(name: str) -> tuple[int, bytes]:
    """A name as the record of a reverse look-up."""
    return PTR, b"".join(bytes([len(part)]) + part for part in name.encode().split(b".")) + b"\0"


def reversed_address(name: str) -> str:
    """The address that an `in-addr.arpa` or `ip6.arpa` name stands for, or ""."""
    if name.endswith(".in-addr.arpa"):
        parts = name.removesuffix(".in-addr.arpa").split(".")
        return ".".join(reversed(parts)) if len(parts) == 4 else ""
    if name.endswith(".ip6.arpa"):
        digits = "".join(reversed(name.removesuffix(".ip6.arpa").split(".")))
        try:
            return socket.inet_ntop(socket.AF_INET6, bytes.fromhex(digits))
        except (ValueError, OSError):
            return ""
    return ""
