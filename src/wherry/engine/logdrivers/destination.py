"""Where messages go: the interface of the drivers, and the sockets that they share."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

from wherry.errors import Invalid, WherryError

from .messages import Message

PATIENCE = 10.0
"""Seconds that connecting or sending may take before the destination counts as away."""

Sockets = Callable[[tuple[int, int, int]], socket.socket]
"""Makes a socket of (family, type, protocol) in the machine's own network."""


class Destination(Protocol):
    """One container's way to a log service. Blocks; used by one thread at a time, but for `interrupt`.

    A failed `send` may have delivered some of the messages: it is repeated whole, on a new connection.
    """

    def connect(self) -> None:
        """Make a new connection, giving up the last one. Raises OSError."""

    def send(self, messages: Sequence[Message]) -> None:
        """Deliver in order. Raises OSError."""

    def interrupt(self) -> None:
        """Give up: what another thread is connecting or sending fails. May be repeated."""

    def close(self) -> None:
        """Let go of the connection. May be repeated."""


class Address(NamedTuple):
    """`tcp://host:port`, `udp://…`, `unix:///path`, …"""

    scheme: str
    host: str = ""
    port: int = 0
    path: str = ""

    def __str__(self) -> str:
        return f"{self.scheme}://{self.path or f'{self.host}:{self.port}'}"


def parse_address(text: str, *, schemes: Sequence[str], port: int, option: str) -> Address:
    """An address of one of `schemes` (the first where none is written). Raises Invalid."""
    if "://" not in text:
        text = f"{schemes[0]}://{text}"
    scheme, _, rest = text.partition("://")
    if scheme not in schemes:
        raise Invalid(
            f"{option} should be in form proto://address, got {text}", hint=f"proto: {', '.join(schemes)}"
        )
    if scheme.startswith("unix"):
        if not rest.startswith("/"):
            raise Invalid(f"{option}: {text} has no absolute path")
        return Address(scheme, path=rest)
    try:
        parts = urlsplit(f"//{rest}")
        number = parts.port or port
    except ValueError as error:
        raise Invalid(f"{option}: {text}: {error}") from None
    if parts.path.strip("/"):
        raise Invalid(f"{option}: {text}: a path is not part of it")
    return Address(scheme, parts.hostname or "127.0.0.1", number)


class Line:
    """A connection that can be made anew: datagrams or a stream, with TLS around it or not."""

    def __init__(
        self, address: Address, sockets: Sockets | None, context: ssl.SSLContext | None = None
    ) -> None:
        self.address = address
        self._sockets = sockets
        self._context = context
        self._sock: socket.socket | None = None
        self._closed = False

    def connect(self) -> None:
        """Raises OSError."""
        self.drop()
        if self._closed:
            raise ConnectionAbortedError("given up")
        self._sock = self._connected()

    def sendall(self, data: bytes) -> None:
        self.sock.sendall(data)

    @property
    def sock(self) -> socket.socket:
        if self._sock is None:
            raise ConnectionResetError("not connected")
        return self._sock

    def drop(self) -> None:
        """Close the connection, if there is one."""
        sock, self._sock = self._sock, None
        if sock is not None:
            sock.close()

    def interrupt(self) -> None:
        """For ever; wakes a thread that is sending."""
        self._closed = True
        sock = self._sock
        if sock is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _connected(self) -> socket.socket:
        address = self.address
        datagrams = address.scheme in ("udp", "unixgram")
        kind = socket.SOCK_DGRAM if datagrams else socket.SOCK_STREAM
        if address.path:
            return self._reached(socket.socket(socket.AF_UNIX, kind), address.path)
        failure: OSError = ConnectionRefusedError(f"{address.host} has no address")
        for family, _, number, _, place in socket.getaddrinfo(address.host, address.port, type=kind):
            try:
                sock = (
                    self._sockets((family, kind, number))
                    if self._sockets
                    else socket.socket(family, kind, number)
                )
                return self._reached(sock, place)
            except OSError as error:
                failure = error
            except WherryError as error:
                failure = ConnectionError(error.message)
        raise failure

    def _reached(self, sock: socket.socket, place: object) -> socket.socket:
        self._sock = sock  # `interrupt` ends a connecting one too
        try:
            sock.settimeout(PATIENCE)
            sock.connect(place)  # type: ignore[arg-type]
            if self._context is not None:
                return self._context.wrap_socket(sock, server_hostname=self.address.host)
            return sock
        except BaseException:
            self.drop()
            raise


def tls_context(*, ca: str, certificate: str, key: str, verify: bool) -> ssl.SSLContext:
    """A client's context from files of the machine. Raises Invalid."""
    try:
        context = ssl.create_default_context(cafile=ca or None)
        if not verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if certificate or key:
            context.load_cert_chain(certificate, key or None)
    except (OSError, ssl.SSLError) as error:
        raise Invalid(f"the certificates can't be used: {error}") from None
    return context
