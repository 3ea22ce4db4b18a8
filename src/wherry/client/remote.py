"""Connections to engines on other machines: TCP, TCP with mutual TLS, and ssh.

TLS is used as a context says; else for `https://`, and for `tcp://` when DOCKER_TLS_VERIFY or DOCKER_TLS is
set, with the certificates of DOCKER_CERT_PATH (default `~/.docker`): ca.pem, cert.pem, key.pem.
"""

from __future__ import annotations

import os
import socket
import sys
import threading

from wherry.client.address import Address
from wherry.client.tls import Tls
from wherry.errors import Invalid, Unavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess

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
    tls = chosen_tls(address)
    return plain if tls is None else _secured(plain, host, address, tls)


def chosen_tls(address: Address) -> Tls | None:
    """How to speak TLS to an address, by its context or else by the environment; None for not at all."""
    if address.tls is not None:
        return address.tls
    if address.scheme != "https" and not (
        os.environ.get("DOCKER_TLS_VERIFY") or os.environ.get("DOCKER_TLS")
    ):
        return None
    folder = os.environ.get("DOCKER_CERT_PATH") or os.path.join(os.path.expanduser("~"), ".docker")
    verify = bool(os.environ.get("DOCKER_TLS_VERIFY")) or not os.environ.get("DOCKER_TLS")
    return Tls(_pem(folder, "ca"), _pem(folder, "cert"), _pem(folder, "key"), verify)


def _pem(folder: str, name: str) -> str:
    """A file that --tlscacert, --tlscert or --tlskey named, else the usual one, if it is there."""
    usual = os.path.join(folder, f"{name}.pem")
    return os.environ.get(f"WHERRY_TLS_{name.upper()}", "") or (usual if os.path.exists(usual) else "")


def _host_and_port(address: Address) -> tuple[str, int]:
    target = address.target.partition("/")[0]
    host, _, port = target.rpartition(":")
    if not host or target.endswith("]"):
        host, port = target, ""
    try:
        number = int(port) if port else (2376 if chosen_tls(address) is not None else 2375)
    except ValueError:
        raise Invalid(f"invalid port {port!r} in {address}") from None
    return host.strip("[]"), number


def _secured(plain: socket.socket, host: str, address: Address, tls: Tls) -> Stream:
    import ssl

    from wherry.client.secured import Secured

    try:
        context = ssl.create_default_context(cafile=tls.authority or None)
        if not tls.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if tls.certificate:
            context.load_cert_chain(tls.certificate, tls.key or None)
        secured = Secured(plain, context, host)
    except OSError as error:
        plain.close()
        files = ", ".join(name for name in tls[:3] if name)
        raise Unavailable(
            f"no secure connection to {address}: {error}",
            hint=f"the certificates are {files}"
            if files
            else "DOCKER_CERT_PATH names the certificates' folder",
        ) from None
    ours, theirs = socket.socketpair()
    threading.Thread(target=secured.carry, args=(theirs,), daemon=True).start()
    return ours


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
    # Windows: programs there don't take a socket for their input, so it is carried to a pipe and from one.
    piped = sys.platform == "win32"
    ends = (subprocess.PIPE, subprocess.PIPE) if piped else (theirs.fileno(), theirs.fileno())
    try:
        process = subprocess.Popen(command, stdin=ends[0], stdout=ends[1], bufsize=0)
    except FileNotFoundError:
        ours.close()
        theirs.close()
        raise Unavailable(f"cannot reach {host}: there is no ssh on this machine") from None
    if piped:
        for carry in (_to_pipe, _from_pipe):
            threading.Thread(target=carry, args=(process, theirs), daemon=True).start()
    else:
        theirs.close()
    return ours


def _to_pipe(process: subprocess.Popen[bytes], sock: socket.socket) -> None:
    try:
        with process.stdin as pipe:  # type: ignore[union-attr]
            while data := sock.recv(_PIECE):
                pipe.write(data)
    except OSError:
        pass  # the other side has ended


def _from_pipe(process: subprocess.Popen[bytes], sock: socket.socket) -> None:
    try:
        while data := process.stdout.read(_PIECE):  # type: ignore[union-attr]
            sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # nobody reads any more
