"""TLS to a remote engine: nothing is lost, whoever ends first."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness.certificates import Authority
from wherry.client.secured import Secured

pytestmark = pytest.mark.needs("openssl")

ROUNDS = 30


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a server that is called localhost: cert.pem, key.pem, and the ca.pem that signed it."""
    return Authority(tmp_path_factory.mktemp("certificates") / "all").issue("server")


def server_context(papers: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(papers / "cert.pem", papers / "key.pem")
    return context


def client_of(papers: Path, serve: Callable[[ssl.SSLSocket], None]) -> tuple[socket.socket, threading.Thread]:
    """A plain socket that leads through TLS to `serve`, which runs in the thread."""
    near, far = socket.socketpair()
    server, client = server_context(papers), ssl.create_default_context(cafile=str(papers / "ca.pem"))

    def accept() -> None:
        with server.wrap_socket(far, server_side=True, suppress_ragged_eofs=True) as secure:
            serve(secure)
            while secure.recv(1 << 16):
                pass  # a socket that is closed with something unread takes along what it sent

    thread = threading.Thread(target=accept)
    thread.start()
    secured = Secured(near, client, "localhost")
    ours, theirs = socket.socketpair()
    threading.Thread(target=secured.carry, args=(theirs,), daemon=True).start()
    ours.settimeout(30)
    return ours, thread


def everything(sock: socket.socket) -> bytes:
    data = b""
    while piece := sock.recv(1 << 16):
        data += piece
    return data


def test_what_the_other_side_says_while_ours_ends_is_read(papers: Path) -> None:
    """The race that lost output when standard input ended in the same moment."""

    def serve(secure: ssl.SSLSocket) -> None:
        for number in range(200):
            secure.sendall(b"%06d\n" % number)

    for _ in range(ROUNDS):
        ours, thread = client_of(papers, serve)
        with ours:
            ours.shutdown(socket.SHUT_WR)
            assert everything(ours) == b"".join(b"%06d\n" % number for number in range(200))
        thread.join()


def test_neither_way_waits_for_the_other(papers: Path) -> None:
    """An echo of more than all buffers hold."""
    data = bytes(range(256)) * 4096 * 8

    def serve(secure: ssl.SSLSocket) -> None:
        left = len(data)
        while left:
            piece = secure.recv(1 << 16)
            left -= len(piece)
            secure.sendall(piece)

    ours, thread = client_of(papers, serve)

    def write() -> None:
        ours.sendall(data)
        ours.shutdown(socket.SHUT_WR)

    with ours:
        writer = threading.Thread(target=write)
        writer.start()
        assert everything(ours) == data
        writer.join()
    thread.join()


def test_a_certificate_of_someone_else_is_refused(papers: Path) -> None:
    near, far = socket.socketpair()

    def accept() -> None:
        with pytest.raises(ssl.SSLError):
            server_context(papers).wrap_socket(far, server_side=True)

    thread = threading.Thread(target=accept)
    thread.start()
    with near, far, pytest.raises(ssl.SSLCertVerificationError):
        Secured(near, ssl.create_default_context(), "localhost")
    thread.join()
