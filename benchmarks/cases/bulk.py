"""Bulk data: a big image loaded, and a gigabyte of output logged."""

from __future__ import annotations

import os
import threading
import time

from benchmarks.folder import big_archive, lines
from benchmarks.measure import Case, milliseconds
from benchmarks.peers import Peer
from tests.harness.engine import UnixConnection

GIGABYTE = 1_000_000_000


def load_big(peer: Peer) -> float:
    os.sync()
    elapsed = milliseconds(peer.command("load", "-i", str(big_archive())), peer.environment) / 1000
    peer.run("rmi", "-f", "localhost/big:latest" if peer.name == "podman" else "big:latest")
    os.sync()
    return elapsed


def log_gigabyte(peer: Peer) -> float:
    """Seconds until the container that wrote it has ended."""
    source = lines()
    times = GIGABYTE // source.stat().st_size
    script = f"i=0; while [ $i -lt {times} ]; do cat /lines; i=$((i+1)); done"
    log = ["--log-driver", "k8s-file"] if peer.name == "podman" else []
    os.sync()
    begin = time.perf_counter()
    name = peer.run(
        "run", "-d", "--network", "none", *log, "-v", f"{source}:/lines:ro", "busybox", "sh", "-c", script
    )
    code = peer.run("wait", name)
    elapsed = time.perf_counter() - begin
    peer.run("rm", "-f", name)
    if code != "0":
        raise RuntimeError(f"{peer.name}: the container that writes ended with {code}")
    return elapsed


def longest_ping(peer: Peer) -> float:
    """The slowest answer to `GET /containers/json` while that gigabyte is logged."""
    slowest = 0.0
    done = threading.Event()

    def ask() -> None:
        nonlocal slowest
        while not done.wait(0.02):
            connection = UnixConnection(peer.socket)
            begin = time.perf_counter()
            connection.request("GET", "/v1.40/containers/json")
            connection.getresponse().read()
            slowest = max(slowest, time.perf_counter() - begin)
            connection.close()

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        log_gigabyte(peer)
    finally:
        done.set()
        thread.join()
    return slowest * 1000


CASES = [
    Case(
        "load",
        "`load` of a Docker archive: one gzip layer, 535 MB in 16,500 files",
        "s",
        "≤ 1/2 of docker",
        3,
        load_big,
        warm_up=0,
    ),
    Case("stdout", "1 GB written to stdout and logged", "s", "≤ docker", 3, log_gigabyte, warm_up=0),
    Case(
        "stdout-ping",
        "slowest `GET /containers/json` meanwhile",
        "ms",
        "responsive",
        1,
        longest_ping,
        warm_up=0,
    ),
]
