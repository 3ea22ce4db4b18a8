"""What goes wrong around a registry: kills, full disks, clients that stall, cut, or send too much."""

from __future__ import annotations

import hashlib
import http.client
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from tests.harness.registry import RegistryUnderTest
from tests.integration.registry.server.conftest import digest_of, manifest_of

LOST = 1 << 18
"""Bytes that may be on their way inside the server when it learns of a cut."""


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RegistryUnderTest]:
    with RegistryUnderTest(tmp_path, workers=2) as running:
        yield running
        Client.close_all()


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


class Client:
    """Plain requests over one connection."""

    made: ClassVar[list[http.client.HTTPConnection]] = []

    def __init__(self, registry: RegistryUnderTest) -> None:
        self.http = http.client.HTTPConnection("127.0.0.1", registry.port, timeout=30)
        self.made.append(self.http)

    @classmethod
    def close_all(cls) -> None:
        while cls.made:
            cls.made.pop().close()

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, str, bytes]:
        """(status, Location, body)."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        self.http.request(method, path, body, given)
        answer = self.http.getresponse()
        return answer.status, answer.headers.get("Location", ""), answer.read()

    def push(self, name: str, tag: str, layer: bytes) -> int:
        config = b"{}"
        for data in (config, layer):
            _, where, _ = self.ask("POST", f"/v2/{name}/blobs/uploads/")
            status, _, _ = self.ask("PUT", f"{where}?digest={digest_of(data)}", data)
            if status != 201:
                return status
        kind = "application/vnd.oci.image.manifest.v1+json"
        path = f"/v2/{name}/manifests/{tag}"
        return self.ask("PUT", path, manifest_of(config, layer), Content_Type=kind)[0]


def test_killed_during_pushes_it_keeps_what_it_confirmed(registry: RegistryUnderTest) -> None:
    confirmed: list[tuple[str, bytes]] = []

    def pusher(number: int) -> None:
        for count in range(10_000):
            layer = os.urandom(200_000)
            try:
                if Client(registry).push(f"team/{number}", f"t{count}", layer) == 201:
                    confirmed.append((f"/v2/team/{number}", layer))
            except (OSError, http.client.HTTPException):
                return

    for _ in range(3):
        before = len(confirmed)
        threads = [threading.Thread(target=pusher, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(confirmed) > before + 5)  # noqa: B023 (called before it changes)
        registry.kill()
        for thread in threads:
            thread.join()
        registry.start()
    client = Client(registry)
    for path, layer in confirmed:
        status, _, body = client.ask("GET", f"{path}/blobs/{digest_of(layer)}")
        assert status == 200
        assert body == layer
    assert "everything is as it should be" in registry.run("check")
    assert "would free" in registry.run("gc", "--dry-run")


def test_a_worker_that_dies_is_replaced(registry: RegistryUnderTest) -> None:
    assert registry.process is not None
    children = Path(f"/proc/{registry.process.pid}/task/{registry.process.pid}/children")

    def workers() -> set[int]:
        return {int(word) for word in children.read_text().split()}

    wait_until(lambda: len(workers()) == 2)
    victim = min(workers())
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: len(workers() - {victim}) == 2)
    assert registry.get("/healthz")[0] == 200


def test_stopping_lets_a_push_end(registry: RegistryUnderTest) -> None:
    client = Client(registry)
    _, where, _ = client.ask("POST", "/v2/team/a/blobs/uploads/")
    data = b"x" * 100_000
    client.http.putrequest("PUT", f"{where}?digest={digest_of(data)}")
    client.http.putheader("Content-Length", str(len(data)))
    client.http.putheader("Expect", "100-continue")
    client.http.endheaders()
    assert client.http.sock.recv(100).startswith(b"HTTP/1.1 100")  # it is at it
    client.http.send(data[:50_000])
    assert registry.process is not None
    registry.process.send_signal(signal.SIGTERM)
    wait_until(lambda: not registry.listens())
    client.http.send(data[50_000:])
    assert client.http.getresponse().status == 201
    assert registry.process.wait(timeout=60) == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_who_connects_first_is_answered_and_a_stop_is_heard_at_once(tmp_path: Path, workers: int) -> None:
    registry = RegistryUnderTest(tmp_path, workers=workers)
    registry.start(patience=0)
    assert registry.get("/healthz")[0] == 200
    registry.stop()
    registry.start(patience=0)
    registry.stop()


@pytest.mark.needs("root")
def test_a_full_disk_is_told_and_nothing_half_done_is_served(tmp_path: Path) -> None:
    (tmp_path / "storage").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", tmp_path / "storage"], check=True)
    try:
        with RegistryUnderTest(tmp_path) as registry:
            client = Client(registry)
            assert client.push("team/a", "fits", b"a" * 1_000_000) == 201
            _, where, _ = client.ask("POST", "/v2/team/a/blobs/uploads/")
            large = b"b" * 5_000_000
            status, _, body = client.ask("PUT", f"{where}?digest={digest_of(large)}", large)
            assert (status, b"disk is full" in body) == (507, True)
            client = Client(registry)
            assert client.ask("HEAD", f"/v2/team/a/blobs/{digest_of(large)}")[0] == 404
            assert client.ask("GET", "/v2/team/a/manifests/fits")[0] == 200
            assert client.ask("GET", where)[0] == 404  # what it took is free again
            assert client.push("team/a", "fits-too", b"c" * 500_000) == 201
            assert registry.get("/healthz")[0] == 200
            Client.close_all()
    finally:
        subprocess.run(["umount", "-l", tmp_path / "storage"], check=True)


@pytest.mark.parametrize("sent", [0, 2, 70_000, 3_000_000, 3_999_999])
def test_a_cut_upload_is_resumed_where_it_broke_off(registry: RegistryUnderTest, sent: int) -> None:
    data = os.urandom(4_000_000)
    client = Client(registry)
    _, where, _ = client.ask("POST", "/v2/team/a/blobs/uploads/")
    client.http.putrequest("PATCH", where)
    client.http.putheader("Content-Length", str(len(data)))
    client.http.endheaders()
    client.http.send(data[:sent])
    client.http.close()
    client = Client(registry)
    deadline = time.monotonic() + 60
    there = before = -1
    while True:  # the server learns of the cut in its own time
        before = there
        client.http.request("GET", where)
        answer = client.http.getresponse()
        answer.read()
        last = int(answer.headers["Range"].partition("-")[2])
        there = last + 1 if last else 0  # the form of the header can't tell no byte from one
        if (there > sent - LOST and there == before) or time.monotonic() > deadline:
            break
        time.sleep(0.2)
    assert sent - LOST < there <= sent
    status, _, _ = client.ask("PUT", f"{where}?digest={digest_of(data)}", data[there:])
    assert status == 201
    assert client.ask("GET", f"/v2/team/a/blobs/{digest_of(data)}")[2] == data


def test_bodies_that_are_not_what_they_say(registry: RegistryUnderTest) -> None:
    client = Client(registry)
    _, where, _ = client.ask("POST", "/v2/team/a/blobs/uploads/")
    status, _, body = client.ask("PUT", f"{where}?digest={digest_of(b'whole')}", b"who")
    assert (status, b"DIGEST_INVALID" in body) == (400, True)
    assert client.ask("GET", where)[0] == 404
    _, where, _ = client.ask("POST", "/v2/team/a/blobs/uploads/")
    assert client.ask("PUT", f"{where}?digest={digest_of(b'whole')}", b"whole and more")[0] == 400
    kind = "application/vnd.oci.image.manifest.v1+json"
    large = b'{"schemaVersion":2' + b" " * (5 << 20) + b"}"
    client = Client(registry)
    try:
        status = client.ask("PUT", "/v2/team/a/manifests/large", large, Content_Type=kind)[0]
    except OSError:
        status = 413  # it closed before everything was sent
    assert status == 413
    client = Client(registry)
    hostile = [b"", b"{", b"[]", b"null", b'{"schemaVersion":1}', b"\xff\xfe", b'{"schemaVersion":2}' * 2]
    hostile += [b"[" * 100_000, b'{"schemaVersion":2,"config":' + b'{"a":' * 50_000]
    for manifest in hostile:
        status, _, body = client.ask("PUT", "/v2/team/a/manifests/x", manifest, Content_Type=kind)
        assert (status, b"MANIFEST_INVALID" in body) == (400, True), manifest[:50]


def test_clients_that_stall_take_nothing_from_others(registry: RegistryUnderTest) -> None:
    layer = os.urandom(8_000_000)
    assert Client(registry).push("team/a", "1", layer) == 201
    stalled = []
    for number in range(100):
        sock = socket.create_connection(("127.0.0.1", registry.port))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        request = f"GET /v2/team/a/blobs/{digest_of(layer)} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        sock.sendall(request[: len(request) if number % 2 else 20])
        stalled.append(sock)
    body = Client(registry).ask("GET", f"/v2/team/a/blobs/{digest_of(layer)}")[2]
    assert hashlib.sha256(body).digest() == hashlib.sha256(layer).digest()
    for sock in stalled:
        sock.close()


@pytest.mark.parametrize(
    "given", ["0-9", "5-", "-5", "0-0", "7999999-", "100-199"], ids=lambda given: f"bytes={given}"
)
def test_ranges(registry: RegistryUnderTest, given: str) -> None:
    layer = os.urandom(8_000_000)
    assert Client(registry).push("team/a", "1", layer) == 201
    path = f"/v2/team/a/blobs/{digest_of(layer)}"
    status, _, body = Client(registry).ask("GET", path, Range=f"bytes={given}")
    first, _, last = given.partition("-")
    start = int(first) if first else len(layer) - int(last)
    end = int(last) + 1 if first and last else len(layer)
    assert (status, body) == (206, layer[start:end])
    assert Client(registry).ask("GET", path, Range="bytes=8000000-")[0] == 416
