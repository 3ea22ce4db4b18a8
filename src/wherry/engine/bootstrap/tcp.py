"""Listening on TCP: with mutual TLS anywhere, without it on loopback only.

Whoever reaches an engine's API is as good as the user that it runs as. A Unix socket knows who that is; TCP
doesn't, so a certificate of the engine's own authority has to say it.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from typing import TYPE_CHECKING, NamedTuple

from wherry.errors import Invalid, Unavailable

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

PORT, TLS_PORT = 2375, 2376
BACKLOG = 1024


class Certificates(NamedTuple):
    """Paths of PEM files."""

    authority: str
    """Whose certificates clients must have."""
    certificate: str
    key: str

    def context(self) -> ssl.SSLContext:
        """For a server that takes only clients with a certificate. Raises Invalid."""
        import ssl

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.verify_mode = ssl.CERT_REQUIRED
        try:
            context.load_cert_chain(self.certificate, self.key)
            context.load_verify_locations(self.authority)
        except (OSError, ssl.SSLError) as error:
            named = ", ".join(self)
            raise Invalid(f"the certificates can't be used: {error}", hint=f"they are {named}") from None
        return context


def default_certificates() -> Certificates:
    """Where Docker's daemon has them: `DOCKER_CERT_PATH`, else `~/.docker`."""
    folder = os.environ.get("DOCKER_CERT_PATH") or os.path.join(os.path.expanduser("~"), ".docker")
    return Certificates(*(os.path.join(folder, name) for name in ("ca.pem", "cert.pem", "key.pem")))


def bind(hosts: Sequence[str], *, secure: bool) -> list[socket.socket]:
    """Listen on each `tcp://address:port`. Raises Invalid for a place that may not be had without TLS,
    Unavailable for one that can't be had."""
    sockets: list[socket.socket] = []
    try:
        for host in hosts:
            sockets.append(_listening(*_place(host, secure=secure), host, secure=secure))
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def check_insecure(address: str, host: str) -> None:
    """Warn of a place without TLS on loopback. Raises Invalid for any other."""
    if not ipaddress.ip_address(address.partition("%")[0]).is_loopback:
        raise Invalid(
            f"refusing to listen on {host} without TLS: whoever reaches it could do all that you can",
            hint="add --tlsverify with --tlscacert, --tlscert and --tlskey, or use ssh://",
        )
    sys.stderr.write(
        f"wherry engine: warning: {host} has no TLS: every user and program of this machine can use it\n"
    )


def _place(host: str, *, secure: bool) -> tuple[str, int]:
    scheme, _, rest = host.partition("://")
    if scheme != "tcp":
        raise Invalid(f"--host {host}: only tcp:// is added here", hint="--socket moves the Unix socket")
    address, _, port = rest.rpartition(":")
    if not address or rest.endswith("]"):
        address, port = rest, ""
    try:
        number = int(port) if port else TLS_PORT if secure else PORT
        if not 0 <= number <= 65535:
            raise ValueError(port)
    except ValueError:
        raise Invalid(f"--host {host}: invalid port") from None
    return address.strip("[]") or "127.0.0.1", number


def _listening(address: str, port: int, host: str, *, secure: bool) -> socket.socket:
    try:
        found = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except OSError as error:
        raise Unavailable(f"cannot listen on {host}: {error.strerror or error}") from None
    family, kind, number, _, place = found
    if not secure:
        check_insecure(str(place[0]), host)
    sock = socket.socket(family, kind, number)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(place)
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise Unavailable(f"cannot listen on {host}: {error.strerror or error}") from None
    return sock
