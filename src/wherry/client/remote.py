"""Connections to engines on other machines: TCP, TCP with mutual TLS, and ssh.

TLS is used for `https://`, and for `tcp://` when DOCKER_TLS_VERIFY or DOCKER_TLS is set; certificates
come from DOCKER_CERT_PATH (default `~/.docker`): ca.pem, cert.pem, key.pem.
"""

from __future__ import annotations

import os
import select
import socket
import threading

from wherry.client.address import Address
from wherry.errors import Invalid, Unavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl

    from wherry.client.http import Stream

_PIECE = 1 << 16


def connect(address: Address) -> Stream:
    """A connection to a `tcp`, `http`, `https` or `ssh` address. Blocks for at most 30 s."""
    if address.scheme == "ssh":
        return _over_ssh(address.target)
    host, port = _host_and_port(address)
    try:
        plain = socket.create_connection((host, port), timeout=30)
    except OSError as error:
        raise address.silent(error) from None
    plain.settimeout(None)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if address.scheme == "https" or _wants_tls():
        return _secured(plain, host, address)
    return plain


def _wants_tls() -> bool:
    return bool(os.environ.get("DOCKER_TLS_VERIFY") or os.environ.get("DOCKER_TLS"))


def _host_and_port(address: Address) -> tuple[str, int]:
    target = address.target.partition("/")[0]
    host, _, port = target.rpartition(":")
    if not host or target.endswith("]"):
        host, port = target, ""
    try:
        number = int(port) if port else (2376 if address.scheme == "https" or _wants_tls() else 2375)
    except ValueError:
        raise Invalid(f"invalid port {port!r} in {address}") from None
    return host.strip("[]"), number


def _secured(plain: socket.socket, host: str, address: Address) -> Stream:
    import ssl

    folder = os.environ.get("DOCKER_CERT_PATH") or os.path.join(os.path.expanduser("~"), ".docker")
    authority = os.path.join(folder, "ca.pem")
    certificate, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
    try:
        context = ssl.create_default_context(cafile=authority if os.path.exists(authority) else None)
        if not os.environ.get("DOCKER_TLS_VERIFY") and os.environ.get("DOCKER_TLS"):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if os.path.exists(certificate):
            context.load_cert_chain(certificate, key)
        secure = context.wrap_socket(plain, server_hostname=host)
    except OSError as error:
        plain.close()
        raise Unavailable(
            f"no secure connection to {address}: {error}",
            hint=f"the certificates are read from {folder} (DOCKER_CERT_PATH)",
        ) from None
    ours, theirs = socket.socketpair()
    threading.Thread(target=_carry, args=(secure, theirs), daemon=True).start()
    return ours


def _carry(secure: ssl.SSLSocket, plain: socket.socket) -> None:
    """Carry bytes between a TLS connection and a plain socket, so that all else knows only plain ones.

    One thread does both ways, since a TLS connection is not for two. The end of the plain side's input ends
    the other side's; TLS has no half-closed state, and engines take a cut for the end of the input.
    """
    import ssl

    secure.setblocking(False)
    sources: list[socket.socket] = [secure, plain]
    while secure in sources:
        ready = [secure] if secure.pending() else select.select(sources, [], [])[0]
        if secure in ready:
            try:
                data = secure.recv(_PIECE)
                if not data:
                    break
                plain.sendall(data)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                pass
            except OSError:
                break
        if plain in ready:
            data = plain.recv(_PIECE)
            if data:
                _send(secure, data)
            else:
                sources.remove(plain)
                socket.socket.shutdown(secure, socket.SHUT_WR)
    plain.close()
    secure.close()


def _send(secure: ssl.SSLSocket, data: bytes) -> None:
    import ssl

    view = memoryview(data)
    while view:
        try:
            view = view[secure.send(view) :]
        except ssl.SSLWantWriteError:
            select.select([], [secure], [])
        except ssl.SSLWantReadError:
            select.select([secure], [], [])


def _over_ssh(target: str) -> Stream:
    """A socket whose other end is an ssh client that joins it to the engine over there."""
    import subprocess

    login, _, path = target.partition("/")
    host, _, port = login.rpartition(":") if ":" in login and not login.endswith("]") else (login, "", "")
    remote = "$(command -v wherry || command -v docker)"
    if path:
        remote += f" -H unix:///{path}"
    command = ["ssh", *(["-p", port] if port else []), "--", host, f"exec {remote} system dial-stdio"]
    ours, theirs = socket.socketpair()
    try:
        subprocess.Popen(command, stdin=theirs.fileno(), stdout=theirs.fileno())
    except FileNotFoundError:
        ours.close()
        raise Unavailable(f"cannot reach {host}: there is no ssh on this machine") from None
    finally:
        theirs.close()
    return ours
