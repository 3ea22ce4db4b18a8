"""Requests and responses over a real pair of sockets, with the other end played by the test."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from wherry.client.http import Connection
from wherry.errors import Unavailable


@pytest.fixture
def pair() -> Iterator[tuple[Connection, socket.socket]]:
    ours, theirs = socket.socketpair()
    yield Connection(ours), theirs
    ours.close()
    theirs.close()


def test_request(pair: tuple[Connection, socket.socket]) -> None:
    connection, server = pair
    connection.send("POST", "/a?b=c", headers={"X": "y"}, body=b"{}")
    text = server.recv(1000).decode()
    assert text.startswith("POST /a?b=c HTTP/1.1\r\nHost: ")
    assert "\r\nX: y\r\n" in text
    assert text.endswith("\r\nContent-Length: 2\r\n\r\n{}")


def test_request_in_chunks(pair: tuple[Connection, socket.socket]) -> None:
    connection, server = pair
    connection.send("PUT", "/", body=iter([b"abc", b"", b"d" * 20]))
    assert server.recv(1000).endswith(b"\r\n\r\n3\r\nabc\r\n14\r\n" + b"d" * 20 + b"\r\n0\r\n\r\n")


def test_no_line_breaks_in_headers(pair: tuple[Connection, socket.socket]) -> None:
    with pytest.raises(ValueError):
        pair[0].send("GET", "/", headers={"X": "a\r\nY: b"})


@pytest.mark.parametrize("step", [1, 3, 7, 1000])
def test_bodies_and_keep_alive(pair: tuple[Connection, socket.socket], step: int) -> None:
    """Whatever the pieces that arrive: a length, chunks, none, and then the next response."""
    connection, server = pair
    stream = (
        b"HTTP/1.1 100 Continue\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nA:  b \r\n\r\nhello"
        b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n"
        b'5;ext=1\r\n{"a":\r\n2\r\n1}\r\n0\r\nTrailer: x\r\n\r\n'
        b"HTTP/1.1 204 No Content\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    )

    def play() -> None:
        for start in range(0, len(stream), step):
            server.sendall(stream[start : start + step])

    thread = threading.Thread(target=play)
    thread.start()
    first = connection.receive()
    assert (first.status, first.headers["a"], first.read()) == (200, "b", b"hello")
    second = connection.receive()
    assert (second.status, second.json()) == (201, {"a": 1})
    assert connection.receive().read() == b""
    assert connection.receive().json() is None
    thread.join()


def test_body_until_the_end(pair: tuple[Connection, socket.socket]) -> None:
    connection, server = pair
    server.sendall(b"HTTP/1.1 200 OK\r\n\r\nab")
    server.sendall(b"cd")
    server.shutdown(socket.SHUT_WR)
    assert connection.receive().read() == b"abcd"


def test_documents(pair: tuple[Connection, socket.socket]) -> None:
    connection, server = pair
    server.sendall(b'HTTP/1.1 200 OK\r\n\r\n{"a":1}\r\n\n{"b":')
    server.sendall(b'2}\n{"c":3}')
    server.shutdown(socket.SHUT_WR)
    assert list(connection.receive().documents()) == [{"a": 1}, {"b": 2}, {"c": 3}]


def test_upgrade_hands_over_what_was_read(pair: tuple[Connection, socket.socket]) -> None:
    connection, server = pair
    server.sendall(b"HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\nfirst bytes")
    stream, left = connection.receive().upgraded()
    assert left == b"first bytes"
    server.sendall(b"more")
    assert stream.recv(10) == b"more"


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * (1 << 21),
    ],
)
def test_cut_short(pair: tuple[Connection, socket.socket], stream: bytes) -> None:
    connection, server = pair

    def play() -> None:
        try:
            server.sendall(stream)
            server.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    thread = threading.Thread(target=play)
    thread.start()
    with pytest.raises(Unavailable):
        connection.receive().read()
    connection.close()
    thread.join()


def test_refusal_in_the_middle_of_an_upload(pair: tuple[Connection, socket.socket]) -> None:
    connection, server = pair
    server.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno")
    server.shutdown(socket.SHUT_RD)
    connection.send("PUT", "/", body=(b"x" * 100_000 for _ in range(50)))
    response = connection.receive()
    assert (response.status, response.read()) == (400, b"no")


def test_many_small_chunks(pair: tuple[Connection, socket.socket]) -> None:
    """Log lines come one a chunk: what is waiting in the buffer is not copied for each."""
    connection, server = pair
    lines = [b"line %d\n" % number for number in range(60_000)]
    stream = b"".join(b"%x\r\n%s\r\n" % (len(line), line) for line in lines) + b"0\r\n\r\n"

    def play() -> None:
        server.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + stream)

    thread = threading.Thread(target=play)
    thread.start()
    start = time.process_time()
    assert b"".join(connection.receive().chunks()) == b"".join(lines)
    assert time.process_time() - start < 5
    thread.join()
