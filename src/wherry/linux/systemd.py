"""Asking systemd for a cgroup of one's own: a transient scope with delegation (org.freedesktop.systemd1).

The one D-Bus call that this takes is written out here: authentication by the socket's peer credentials, one
method call, one answer. Blocks for some milliseconds; at the start of a process, never while containers run.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable

from wherry.errors import Unavailable

_SECONDS = 5.0

# header fields (D-Bus specification, "Message Format")
_PATH, _INTERFACE, _MEMBER, _DESTINATION, _SIGNATURE = 1, 2, 3, 6, 8
_METHOD_CALL, _METHOD_RETURN, _ERROR = 1, 2, 3


def start_scope(name: str, pid: int, *, user: bool, description: str = "") -> None:
    """Move process `pid` into a new scope `name` ("….scope") whose cgroup is then ours to divide.

    `user`: ask the user's own systemd, not the machine's. The move itself comes a little after the answer.
    Raises Unavailable without systemd, or with its words.
    """
    body = _Writer()
    body.string(name)
    body.string("fail")
    with body.array(8):
        body.property("Delegate", "b", lambda: body.number("I", 1))
        body.property("Description", "s", lambda: body.string(description or name))
        body.property("CollectMode", "s", lambda: body.string("inactive-or-failed"))
        # all containers together are no more to be limited than a session is
        body.property("TasksMax", "t", lambda: body.number("Q", 2**64 - 1))
        body.property("PIDs", "au", lambda: body.numbers([pid]))
    body.number("I", 0)  # no auxiliary units; an empty array is padded to its element all the same
    body.align(8)
    connection = _connect(user)
    try:
        _authenticate(connection)
        if not connection.getpeername().endswith("/private"):
            _call(connection, 1, "org.freedesktop.DBus", "/org/freedesktop/DBus", "Hello", "", b"")
        _call(
            connection,
            2,
            "org.freedesktop.systemd1.Manager",
            "/org/freedesktop/systemd1",
            "StartTransientUnit",
            "ssa(sv)a(sa(sv))",
            bytes(body.data),
        )
    except (OSError, struct.error) as error:
        raise Unavailable(f"systemd does not answer: {error}") from None
    finally:
        connection.close()


class _Writer:
    """Values in D-Bus's wire format, little endian, aligned from the start of the buffer."""

    def __init__(self) -> None:
        self.data = bytearray()

    def align(self, to: int) -> None:
        self.data += bytes(-len(self.data) % to)

    def number(self, code: str, value: int) -> None:
        self.align(struct.calcsize(code))
        self.data += struct.pack(f"<{code}", value)

    def string(self, text: str) -> None:
        encoded = text.encode()
        self.number("I", len(encoded))
        self.data += encoded + b"\0"

    def signature(self, text: str) -> None:
        self.data += bytes((len(text),)) + text.encode() + b"\0"

    def array(self, element: int) -> _Array:
        return _Array(self, element)

    def numbers(self, values: list[int]) -> None:
        self.number("I", 4 * len(values))
        for value in values:
            self.number("I", value)

    def property(self, name: str, signature: str, value: Callable[[], None]) -> None:
        """A struct of a name and a variant; `value` writes the variant's content."""
        self.align(8)
        self.string(name)
        self.signature(signature)
        value()


class _Array:
    """An array whose length is filled in at the end."""

    def __init__(self, writer: _Writer, element: int) -> None:
        self._writer = writer
        self._element = element

    def __enter__(self) -> None:
        self._writer.number("I", 0)
        self._length = len(self._writer.data) - 4
        self._writer.align(self._element)
        self._start = len(self._writer.data)

    def __exit__(self, *_: object) -> None:
        struct.pack_into("<I", self._writer.data, self._length, len(self._writer.data) - self._start)


def _connect(user: bool) -> socket.socket:
    if user:
        runtime = os.environ.get("XDG_RUNTIME_DIR", "")
        paths = [f"{runtime}/systemd/private", f"{runtime}/bus"] if runtime else []
    else:
        paths = ["/run/systemd/private", "/run/dbus/system_bus_socket"]
    for path in paths:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(_SECONDS)
        try:
            connection.connect(path)
            return connection
        except OSError:
            connection.close()
    raise Unavailable("no systemd of this user is running" if user else "systemd is not running")


def _authenticate(connection: socket.socket) -> None:
    # without an identity: the socket's credentials tell, also from within a user namespace
    connection.sendall(b"\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n")
    said = b""
    while b"OK " not in said:
        more = connection.recv(512)
        if not more or b"REJECTED" in said + more:
            raise Unavailable("systemd does not accept this user")
        said += more
    # its line ends before anything else is sent to us
    while not said.endswith(b"\r\n"):
        said += connection.recv(1)


def _call(
    connection: socket.socket,
    serial: int,
    interface: str,
    path: str,
    member: str,
    signature: str,
    body: bytes,
) -> None:
    head = _Writer()
    head.data += struct.pack("<cBBBII", b"l", _METHOD_CALL, 0, 1, len(body), serial)
    destination = interface.removesuffix(".Manager")
    with head.array(8):
        for code, kind, text in (
            (_PATH, "o", path),
            (_INTERFACE, "s", interface),
            (_MEMBER, "s", member),
            (_DESTINATION, "s", destination),
            (_SIGNATURE, "g", signature),
        ):
            if not text:
                continue
            head.align(8)
            head.data.append(code)
            head.signature(kind)
            (head.signature if kind == "g" else head.string)(text)
    head.align(8)
    connection.sendall(bytes(head.data) + body)
    while True:
        what, answered, said = _receive(connection)
        if what == _ERROR and answered == serial:
            raise Unavailable(f"systemd refuses a scope: {said}")
        if what == _METHOD_RETURN and answered == serial:
            return


def _receive(connection: socket.socket) -> tuple[int, int, str]:
    """One message: type, the serial that it answers, and the string that its body begins with, if it does."""
    start = _exactly(connection, 16)
    order = "<" if start[:1] == b"l" else ">"
    body_length, _, fields_length = struct.unpack_from(f"{order}III", start, 4)
    if body_length > 1 << 20 or fields_length > 1 << 16:
        raise Unavailable("systemd answers with something else than D-Bus")
    fields = _exactly(connection, fields_length + -fields_length % 8)
    body = _exactly(connection, body_length)
    answered = 0
    # REPLY_SERIAL is field 5, a variant of "u": 05 01 'u' 00, then the number
    position = fields.find(b"\x05\x01u\0")
    if position >= 0:
        answered = struct.unpack_from(f"{order}I", fields, position + 4)[0]
    text = ""
    if len(body) >= 5 and start[1] == _ERROR:
        length = struct.unpack_from(f"{order}I", body)[0]
        text = body[4 : 4 + length].decode("utf-8", "replace")
    return start[1], answered, text


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise ConnectionResetError(104, "it closed the connection")
        data += more
    return data
