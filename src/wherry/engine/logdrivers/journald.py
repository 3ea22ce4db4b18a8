"""The `journald` driver: systemd's native journal protocol."""

from __future__ import annotations

import array
import errno
import os
import re
import socket
import struct
from collections.abc import Sequence

from wherry.supervisor.logs.format import STDOUT

from ..moments import rfc3339
from .destination import Address, Line, Sockets
from .messages import Message
from .tags import About, extra, tag_of

OPTIONS: frozenset[str] = frozenset()
SOCKET = "/run/systemd/journal/socket"
_ERROR, _INFORMATION = b"3", b"6"
_NOT_IN_NAMES = re.compile(r"[^A-Z0-9_]")


def check(options: dict[str, str]) -> None:
    """Nothing is its own."""


class Destination:
    """See `destination.Destination`."""

    def __init__(self, about: About, options: dict[str, str], _sockets: Sockets | None) -> None:
        self._line = Line(Address("unixgram", path=SOCKET), None)
        tag = tag_of(about, options)
        fields = {
            "CONTAINER_ID": about.id[:12],
            "CONTAINER_ID_FULL": about.id,
            "CONTAINER_NAME": about.name,
            "CONTAINER_TAG": tag,
            "IMAGE_NAME": about.image_name,
            "SYSLOG_IDENTIFIER": tag,
            **{field_name(name): value for name, value in extra(about, options).items()},
        }
        self._common = b"".join(field(name, value.encode()) for name, value in fields.items() if name)

    def connect(self) -> None:
        self._line.connect()

    def send(self, messages: Sequence[Message]) -> None:
        for message in messages:
            entry = self._entry(message)
            try:
                self._line.sendall(entry)
            except OSError as error:
                if error.errno not in (errno.EMSGSIZE, errno.ENOBUFS):
                    raise
                _send_file(self._line.sock, entry)

    def interrupt(self) -> None:
        self._line.interrupt()

    def close(self) -> None:
        self._line.drop()

    def _entry(self, message: Message) -> bytes:
        priority = _INFORMATION if message.stream == STDOUT else _ERROR
        entry = self._common + field("PRIORITY", priority) + field("MESSAGE", message.text)
        # The journal has a time of its own, that of the arrival; this is when it was written.
        entry += field("SYSLOG_TIMESTAMP", rfc3339(message.time).encode())
        return entry + field("CONTAINER_PARTIAL_MESSAGE", b"true") if message.partial else entry


def field(name: str, value: bytes) -> bytes:
    """One field of an entry; a value of several lines has its length before it."""
    if b"\n" in value:
        return name.encode() + b"\n" + struct.pack("<Q", len(value)) + value + b"\n"
    return name.encode() + b"=" + value + b"\n"


def field_name(name: str) -> str:
    """A label's or variable's name as the journal takes it: upper case, a letter first; "" for none."""
    return _NOT_IN_NAMES.sub("_", name.upper()).lstrip("_0123456789")[:64]


def _send_file(sock: socket.socket, entry: bytes) -> None:
    """An entry too long for a datagram, in a sealed file (memfd_create(2)), as the journal takes it."""
    import fcntl

    file = os.memfd_create("journal-entry", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.write(file, entry)
        fcntl.fcntl(
            file,
            fcntl.F_ADD_SEALS,
            fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE,
        )
        sock.sendmsg([], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file]))])
    finally:
        os.close(file)
