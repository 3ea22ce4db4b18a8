"""The `gelf` driver: the Graylog Extended Log Format 1.1, over UDP (compressed, in pieces) or TCP."""

from __future__ import annotations

import gzip
import os
import socket
import zlib
from collections.abc import Sequence

import msgspec

from wherry.errors import Invalid
from wherry.supervisor.logs.format import STDOUT

from .destination import Address, Line, Sockets, parse_address
from .messages import Message
from .tags import About, extra, tag_of

OPTIONS = frozenset(
    (
        "gelf-address",
        "gelf-compression-level",
        "gelf-compression-type",
        # Connecting is tried for ever, with a growing pause.
        "gelf-tcp-max-reconnect",
        "gelf-tcp-reconnect-delay",
    )
)
_PIECE = 1420
"""Bytes of a datagram that pass Ethernet whole, as the format's own libraries have it."""
_MOST_PIECES = 128
_ERROR, _INFORMATION = 3, 6


def check(options: dict[str, str]) -> None:
    address = _address(options)
    kind = options.get("gelf-compression-type", "gzip")
    if kind not in ("gzip", "zlib", "none"):
        raise Invalid("gelf: invalid compression type", hint="gzip, zlib or none")
    level = options.get("gelf-compression-level", "1")
    if not level.lstrip("-").isdecimal() or not -1 <= int(level) <= 9:
        raise Invalid("gelf: invalid compression level", hint="-1 to 9")
    for name in ("gelf-tcp-max-reconnect", "gelf-tcp-reconnect-delay"):
        if name in options and (address.scheme != "tcp" or not options[name].isdecimal()):
            raise Invalid(f"{name} must be a positive integer, for TCP")


class Destination:
    """See `destination.Destination`."""

    def __init__(self, about: About, options: dict[str, str], sockets: Sockets | None) -> None:
        self._line = Line(_address(options), sockets)
        self._compression = options.get("gelf-compression-type", "gzip")
        self._level = int(options.get("gelf-compression-level", "1"))
        self._host = socket.gethostname()
        self._extra = {
            "_container_id": about.id,
            "_container_name": about.name,
            "_image_id": about.image_id,
            "_image_name": about.image_name,
            "_tag": tag_of(about, options),
            **{f"_{name}": value for name, value in extra(about, options).items()},
        }

    def connect(self) -> None:
        self._line.connect()

    def send(self, messages: Sequence[Message]) -> None:
        if self._line.address.scheme == "tcp":
            self._line.sendall(b"".join(self._document(message) + b"\0" for message in messages))
            return
        for message in messages:
            for datagram in pieces(self._compressed(self._document(message))):
                self._line.sendall(datagram)

    def interrupt(self) -> None:
        self._line.interrupt()

    def close(self) -> None:
        self._line.drop()

    def _document(self, message: Message) -> bytes:
        return msgspec.json.encode(
            {
                "version": "1.1",
                "host": self._host,
                "short_message": message.text.decode("utf-8", "replace"),
                "timestamp": message.time // 1_000_000 / 1000,
                "level": _INFORMATION if message.stream == STDOUT else _ERROR,
                **self._extra,
            }
        )

    def _compressed(self, document: bytes) -> bytes:
        if self._compression == "gzip":
            return gzip.compress(document, max(self._level, 0))
        return zlib.compress(document, self._level) if self._compression == "zlib" else document


def pieces(document: bytes) -> list[bytes]:
    """A document as datagrams; one too long for the format's 128 pieces is left out."""
    if len(document) <= _PIECE:
        return [document]
    room = _PIECE - 12
    count = -(-len(document) // room)
    if count > _MOST_PIECES:
        return []
    head = b"\x1e\x0f" + os.urandom(8)
    return [head + bytes((n, count)) + document[n * room : (n + 1) * room] for n in range(count)]


def _address(options: dict[str, str]) -> Address:
    text = options.get("gelf-address", "")
    if not text:
        raise Invalid("gelf-address is a required parameter")
    if "://" not in text:
        raise Invalid(f"gelf-address should be in form proto://address, got {text}")
    return parse_address(text, schemes=("udp", "tcp"), port=12201, option="gelf-address")
