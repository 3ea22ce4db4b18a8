"""What the keeper carries between a client and a server on real sockets."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
from collections.abc import Iterator

import pytest

from wherry.network.keeper.loop import Loop
from wherry.network.keeper.reach import Reach, bind
from wherry.network.keeper.streams import StreamForwarder

SENT = os.urandom(1 << 20) * 24  # more than all buffers on the way take together


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Where the server listens."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        one.settimeout(20)
        yield one


@pytest.fixture
def client(listener: socket.socket) -> Iterator[socket.socket]:
    """A client of a port that leads to it."""
    loop, ended = Loop(), threading.Event()
    held = bind("tcp", "127.0.0.1", 0)
    address = held.getsockname()
    forwarder = StreamForwarder(loop, held, listener.getsockname(), Reach())

    def serve() -> None:
        while not ended.is_set():
            loop.later(0.05, lambda: None)
            loop.turn()

    thread = threading.Thread(target=serve)
    thread.start()
    with socket.create_connection(address, 20) as one:
        yield one
    ended.set()
    thread.join()
    forwarder.close()


def read_all(one: socket.socket) -> bytes:
    parts = []
    while data := one.recv(1 << 20):
        parts.append(data)
    return b"".join(parts)


def read(one: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (part := one.recv(size - len(data))):
        data += part
    return data


def say(one: socket.socket, data: bytes) -> None:
    one.sendall(data)
    one.close()


def test_all_that_is_said_arrives_both_ways(client: socket.socket, listener: socket.socket) -> None:
    server, _ = listener.accept()
    with server:
        server.settimeout(20)
        echo = threading.Thread(target=lambda: say(server, read_all(server)))
        echo.start()
        client.sendall(SENT)
        client.shutdown(socket.SHUT_WR)
        assert hashlib.sha256(read_all(client)).digest() == hashlib.sha256(SENT).digest()
        echo.join()


def test_a_client_that_has_asked_all_gets_all_however_slow(
    client: socket.socket, listener: socket.socket
) -> None:
    """The server is done and gone long before the client has read what is on its way."""
    server, _ = listener.accept()
    client.shutdown(socket.SHUT_WR)
    with server:
        server.settimeout(20)
        assert server.recv(1) == b""
        speak = threading.Thread(target=say, args=(server, SENT))
        speak.start()
        assert client.recv(1) == SENT[:1]
        threading.Event().wait(0.3)  # by then all buffers are full
        assert len(read_all(client)) == len(SENT) - 1
        speak.join()


def test_a_server_that_breaks_off_is_told(client: socket.socket, listener: socket.socket) -> None:
    server, _ = listener.accept()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # an RST
    server.close()
    with pytest.raises(OSError, match=r"reset|Broken"):
        while client.recv(1):
            pass
        client.sendall(SENT)


def test_questions_and_answers_of_all_sizes_then_a_half_closed_end(
    client: socket.socket, listener: socket.socket
) -> None:
    sizes = [1, 100, 65_536, 262_143, 262_144, 262_145, 1 << 20] * 20
    server, _ = listener.accept()
    with server:
        server.settimeout(20)
        client.settimeout(20)
        for size in sizes:
            for one, other in ((client, server), (server, client)):
                speak = threading.Thread(target=one.sendall, args=(SENT[:size],))
                speak.start()
                assert read(other, size) == SENT[:size]
                speak.join()
        client.sendall(b"last")
        client.shutdown(socket.SHUT_WR)
        assert read_all(server) == b"last"
        server.sendall(b"words")
        server.shutdown(socket.SHUT_WR)
        assert read_all(client) == b"words"
