"""Clients of other makers, and many of them."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.cases.api import request
from benchmarks.measure import Case, milliseconds
from benchmarks.peers import Peer
from tests.harness.engine import UnixConnection

MANY = 500
FOLLOWERS = 1000
MIB = 1 << 20
BOTH = ("wherry", "docker")


def of_docker(peer: Peer, *words: str) -> float:
    """Milliseconds of a command of Docker's own command line."""
    return milliseconds(["docker", *words], _environment(peer))


def docker_exec(peer: Peer) -> float:
    with _running(peer) as name:
        return of_docker(peer, "exec", name, "true")


def docker_ps(peer: Peer) -> float:
    with _running(peer):
        return of_docker(peer, "ps")


def of_docker_py(work: Callable[[Any], object]) -> Callable[[Peer], float]:
    """Milliseconds of some work through docker-py, its import and its connection left out."""

    def measure(peer: Peer) -> float:
        import docker  # type: ignore[import-untyped]

        client = docker.DockerClient(base_url=f"unix://{peer.socket}", timeout=120)
        try:
            with _running(peer) as name:
                container = client.containers.get(name)
                begin = time.perf_counter()
                work((client, container))
                return (time.perf_counter() - begin) * 1000
        finally:
            client.close()

    return measure


def ps_of_many(peer: Peer) -> float:
    """`ps -a` with many containers, the fastest of five: they are made once and removed after it."""
    connection = UnixConnection(peer.socket, timeout=300)
    names = [f"many-{number}" for number in range(MANY)]
    try:
        for name in names:
            body = {"Image": "busybox", "Cmd": ["true"], "HostConfig": {"NetworkMode": "none"}}
            request(connection, "POST", f"/v1.40/containers/create?name={name}", body)
        command, environment = peer.command("ps", "-a"), dict(peer.environment)
        return min(milliseconds(command, environment) for _ in range(5))
    finally:
        for name in names:
            with contextlib.suppress(RuntimeError):
                request(connection, "DELETE", f"/v1.40/containers/{name}?force=1")
        connection.close()


def followers_memory(peer: Peer) -> float:
    """MiB of the engine's processes while a thousand clients follow logs and events and lines come."""
    with _followed(peer):
        return sum(process.pss for process in peer.processes()) / MIB


def followers_ping(peer: Peer) -> float:
    """Milliseconds: the slowest of a hundred `GET /containers/json` meanwhile."""
    with _followed(peer):
        connection = UnixConnection(peer.socket, timeout=60)
        slowest = 0.0
        for _ in range(100):
            begin = time.perf_counter()
            request(connection, "GET", "/v1.40/containers/json")
            slowest = max(slowest, (time.perf_counter() - begin) * 1000)
            time.sleep(0.01)
        connection.close()
        return slowest


@contextlib.contextmanager
def _followed(peer: Peer) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4 * FOLLOWERS)), hard))
    script = "while :; do date; sleep 0.1; done"
    name = peer.run("run", "-d", "--network", "none", "busybox", "sh", "-c", script)
    sockets: list[socket.socket] = []
    try:
        for number in range(FOLLOWERS):
            path = "/events" if number % 2 else f"/containers/{name}/logs?follow=1&stdout=1"
            one = socket.socket(socket.AF_UNIX)
            one.connect(peer.socket)
            one.sendall(f"GET /v1.40{path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            sockets.append(one)
        for one in sockets[::2]:
            one.settimeout(60)
            if not one.recv(4096).startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"{peer.name} does not let so many follow")
            one.setblocking(False)
        end = time.monotonic() + 3
        while time.monotonic() < end:
            for one in sockets:
                with contextlib.suppress(BlockingIOError):
                    one.setblocking(False)
                    os.read(one.fileno(), 1 << 16)
            time.sleep(0.05)
        yield
    finally:
        for one in sockets:
            one.close()
        peer.run("rm", "-f", name)


@contextlib.contextmanager
def _running(peer: Peer) -> Iterator[str]:
    name = peer.run("run", "-d", "--network", "none", "busybox", "sleep", "1000000")
    try:
        yield name
    finally:
        peer.run("rm", "-f", name)


def _environment(peer: Peer) -> dict[str, str]:
    return {**peer.environment, "DOCKER_HOST": f"unix://{peer.socket}"}


CASES = [
    Case(
        "docker-run",
        "Docker's own `docker run --rm --network none busybox true`",
        "ms",
        "≤ 1/3 of dockerd",
        10,
        lambda peer: of_docker(peer, "run", "--rm", "--network", "none", "busybox", "true"),
        peers=BOTH,
    ),
    Case(
        "docker-exec",
        "Docker's own `docker exec C true`",
        "ms",
        "≤ 1/2 of dockerd",
        10,
        docker_exec,
        peers=BOTH,
    ),
    Case("docker-ps", "Docker's own `docker ps`", "ms", "no slower than dockerd", 10, docker_ps, peers=BOTH),
    Case(
        "py-run",
        "docker-py: `containers.run(…, remove=True)`",
        "ms",
        "≤ 1/3 of dockerd",
        10,
        of_docker_py(lambda on: on[0].containers.run("busybox", "true", remove=True, network_mode="none")),
        peers=BOTH,
    ),
    Case(
        "py-exec",
        "docker-py: `container.exec_run(…)`",
        "ms",
        "≤ 1/2 of dockerd",
        10,
        of_docker_py(lambda on: on[1].exec_run("true")),
        peers=BOTH,
    ),
    Case(
        "py-ps",
        "docker-py: `containers.list()`",
        "ms",
        "no slower than dockerd",
        10,
        of_docker_py(lambda on: on[0].containers.list()),
        peers=BOTH,
    ),
    Case("ps-many", f"`ps -a` of {MANY} containers", "ms", "< 100", 1, ps_of_many, warm_up=0),
    Case(
        "followers",
        f"{FOLLOWERS} clients follow logs and events: memory of the engine",
        "MiB",
        "< 200",
        1,
        followers_memory,
        peers=BOTH,
        warm_up=0,
    ),
    Case(
        "followers-ping",
        "slowest `GET /containers/json` meanwhile",
        "ms",
        "< 100",
        1,
        followers_ping,
        peers=BOTH,
        warm_up=0,
    ),
]
