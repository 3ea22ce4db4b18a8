"""Clients that hold a connection and do not get on: each kind is given up, and who gets on is not."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import time
from collections.abc import Iterator

import pytest

from tests.harness.registry import RegistryUnderTest
from tests.integration.registry.server.conftest import digest_of
from tests.integration.registry.server.test_faults import Client
from wherry.errors import Invalid
from wherry.registry.server.settings import read

LAYER = os.urandom(24 << 20)  # more than the kernel keeps for a connection
BLOB = f"/v2/team/a/blobs/{digest_of(LAYER)}"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryUnderTest]:
    with RegistryUnderTest(
        tmp_path_factory.mktemp("impatient"), '[limits]\nheader = "1s"\nstalled = "2s"\n'
    ) as running:
        assert Client(running).push("team/a", "1", LAYER) == 201
        Client.close_all()
        yield running


def connected(registry: RegistryUnderTest, *sent: str) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", registry.port))
    sock.settimeout(30)
    for part in sent:
        sock.sendall(part.replace("\n", "\r\n").encode())
    return sock


def rest(sock: socket.socket) -> bytes:
    """What comes until the registry ends the connection."""
    data = b""
    with contextlib.suppress(ConnectionError):
        while chunk := sock.recv(1 << 20):
            data += chunk
    sock.close()
    return data


def given_up(registry: RegistryUnderTest, awaited: str) -> int:
    found = re.search(
        rf'clients_given_up_total\{{awaited="{awaited}"\}} (\d+)', registry.get("/metrics")[1].decode()
    )
    return int(found[1]) if found else 0


def test_half_a_header_is_not_waited_for(registry: RegistryUnderTest) -> None:
    before = given_up(registry, "header")
    idle = connected(registry)
    assert rest(connected(registry, "GET /v2/ HTTP/1.1\nHos")) == b""
    dripping = connected(registry, "GET /v2/ HTTP/1.1\n")
    until = time.monotonic() + 60
    with contextlib.suppress(ConnectionError):
        while time.monotonic() < until:
            dripping.sendall(b"a: b\r\n")
            time.sleep(0.1)
    dripping.close()
    assert time.monotonic() < until
    assert given_up(registry, "header") == before + 2
    # nobody waited for anything on this one
    idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert b"200 OK" in rest(idle)
    assert "did not finish its request's header" in (registry.home / "log").read_text()


@pytest.mark.parametrize("path", ["/v2/team/a/blobs/uploads/", "/v2/team/a/manifests/2"])
def test_a_body_that_does_not_come_is_not_waited_for(registry: RegistryUnderTest, path: str) -> None:
    before = given_up(registry, "body")
    method = "PUT" if "manifests" in path else "POST"
    stalled = connected(registry, f"{method} {path} HTTP/1.1\nHost: x\nContent-Length: 100\n\n0123456789")
    assert b"416 " in stalled.recv(1000)
    stalled.close()
    assert given_up(registry, "body") == before + 1


def test_what_came_of_a_body_stays(registry: RegistryUnderTest) -> None:
    client = Client(registry)
    _, where, _ = client.ask("POST", "/v2/team/a/blobs/uploads/")
    stalled = connected(registry, f"PATCH {where} HTTP/1.1\nHost: x\nContent-Length: 100\n\n0123456789")
    assert b"416 " in stalled.recv(1000)
    stalled.close()
    assert client.ask("PUT", f"{where}?digest={digest_of(b'0123456789')}", b"")[0] == 201


def test_an_answer_that_is_not_taken_is_broken_off(registry: RegistryUnderTest) -> None:
    before = given_up(registry, "answer")
    slow = connected(registry, f"GET {BLOB} HTTP/1.1\nHost: x\nConnection: close\n\n")
    deadline = time.monotonic() + 60
    while given_up(registry, "answer") == before and time.monotonic() < deadline:
        time.sleep(0.1)
    assert given_up(registry, "answer") == before + 1
    assert len(rest(slow)) < len(LAYER)
    whole = rest(connected(registry, f"GET {BLOB} HTTP/1.1\nHost: x\nConnection: close\n\n"))
    assert whole.endswith(LAYER[-1000:])
    assert given_up(registry, "answer") == before + 1


def test_limits_that_nobody_keeps_are_refused() -> None:
    with pytest.raises(Invalid, match="nobody is as fast as that"):
        read("", {"limits": {"header": "0s"}})
