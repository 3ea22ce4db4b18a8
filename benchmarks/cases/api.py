"""Throughput over the Docker Engine API, spoken by four clients at once."""

from __future__ import annotations

import http.client
import json
import threading
import time
from typing import Any

from benchmarks.measure import Case
from benchmarks.peers import Peer
from tests.harness.engine import UnixConnection

CLIENTS = 4
EACH = 12


def request(connection: http.client.HTTPConnection, method: str, path: str, body: Any = None) -> Any:
    """One request on a kept-alive connection. Raises RuntimeError on an error status."""
    data = json.dumps(body) if body is not None else None
    connection.request(method, path, data, {"Content-Type": "application/json"})
    response = connection.getresponse()
    text = response.read()
    if response.status >= 400:
        raise RuntimeError(f"{method} {path}: {response.status} {text.decode(errors='replace')}")
    return json.loads(text) if text.strip() else None


def one_life(connection: http.client.HTTPConnection) -> None:
    """Create, start, wait for its end, remove."""
    limits = [{"Name": "nofile", "Soft": 1024, "Hard": 4096}, {"Name": "nproc", "Soft": 4096, "Hard": 4096}]
    host = {"NetworkMode": "none", "Ulimits": limits}  # podman's own are above what some machines allow
    body = {"Image": "busybox", "Cmd": ["true"], "HostConfig": host}
    container_id = request(connection, "POST", "/v1.40/containers/create", body)["Id"]
    request(connection, "POST", f"/v1.40/containers/{container_id}/start")
    request(connection, "POST", f"/v1.40/containers/{container_id}/wait")
    request(connection, "DELETE", f"/v1.40/containers/{container_id}?force=1")


def lives_per_second(peer: Peer) -> float:
    failures: list[Exception] = []

    def client() -> None:
        connection = UnixConnection(peer.socket, timeout=120)
        try:
            for _ in range(EACH):
                one_life(connection)
        except Exception as failure:
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return CLIENTS * EACH / (time.perf_counter() - begin)


CASES = [
    Case(
        "api",
        f"create + start + wait + remove over the API, {CLIENTS} clients",
        "1/s",
        "≥ 50, aim 100",
        5,
        lives_per_second,
        higher_is_better=True,
    ),
]
