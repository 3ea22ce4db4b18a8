"""Our registry beside Debian's docker-registry: `python -m benchmarks.registry [--runs N]`.

Each in turn, over files of their own on loopback, with as many cores: a blob of 200 MB to and from one
client, manifest requests a second (wrk, 16 connections), and the memory of the registry while 50 clients pull
that blob at once. Needs docker-registry, wrk and curl.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import http.client
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tests.harness.docker_registry import docker_registry
from tests.harness.registry import RegistryUnderTest

SIZE = 200 << 20
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
COLUMNS = ("push MB/s", "pull MB/s", "manifests/s", "MB with 50 clients")


@contextlib.contextmanager
def ours(folder: Path) -> Iterator[str]:
    """The port of a running registry of ours, with its default number of workers."""
    folder.mkdir()
    with RegistryUnderTest(folder, workers=0) as running:
        yield running.address


PEERS = {"wherry": ours, "docker-registry": docker_registry}


def measure(address: str, blob: Path, digest: str) -> tuple[float, ...]:
    """One run, in the order of COLUMNS."""
    begin = time.perf_counter()
    _push(address, blob, digest)
    push = SIZE / (time.perf_counter() - begin) / 1e6
    config = b"{}"
    small = blob.with_name("config")
    small.write_bytes(config)
    of_config = f"sha256:{hashlib.sha256(config).hexdigest()}"
    _push(address, small, of_config)
    parts = {"schemaVersion": 2, "mediaType": MANIFEST}
    described = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": of_config, "size": 2}
    layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": SIZE}
    body = json.dumps({**parts, "config": described, "layers": [layer]})
    path = "/v2/bench/one/manifests/latest"
    answer = _request(address, "PUT", path, body.encode(), {"Content-Type": MANIFEST})
    if answer.status != 201:
        raise RuntimeError(f"{address}: manifest {answer.status}")
    url = f"http://{address}/v2/bench/one/blobs/{digest}"
    said = _run("curl", "-sf", "-o", "/dev/null", "-w", "%{speed_download}", url)
    pull = float(said) / 1e6
    said = _run("wrk", "-t2", "-c16", "-d4", "-H", f"Accept: {MANIFEST}", f"http://{address}{path}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    if found is None or "Non-2xx" in said:
        raise RuntimeError(said)
    return push, pull, float(found[1]), _memory_with_clients(address, digest)


def _push(address: str, blob: Path, digest: str) -> None:
    answer = _request(address, "POST", "/v2/bench/one/blobs/uploads/")
    where = answer.headers["Location"]
    where = where if "://" in where else f"http://{address}{where}"
    url = f"{where}{'&' if '?' in where else '?'}digest={digest}"
    kind = "Content-Type: application/octet-stream"
    _run("curl", "-sf", "-o", "/dev/null", "-H", kind, "-T", str(blob), url)


def _request(
    address: str, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(address, timeout=60)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


def _memory_with_clients(address: str, digest: str) -> float:
    """The registry's memory, shared pages counted once, at its peak."""
    processes = _listening(int(address.rpartition(":")[2]))
    clients = [threading.Thread(target=_drain, args=(address, digest)) for _ in range(50)]
    for client in clients:
        client.start()
    peak = 0.0
    while any(client.is_alive() for client in clients):
        peak = max(peak, sum(_proportional(process) for process in processes))
        time.sleep(0.1)
    return peak / 1000


def _drain(address: str, digest: str) -> None:
    host, _, port = address.partition(":")
    with socket.create_connection((host, int(port))) as sock:
        sock.sendall(f"GET /v2/bench/one/blobs/{digest} HTTP/1.0\r\nHost: {address}\r\n\r\n".encode())
        buffer = bytearray(1 << 18)
        while sock.recv_into(buffer):
            pass


def _listening(port: int) -> list[int]:
    """The processes that have the port's listening sockets, and those that started them."""
    said = _run("ss", "-Hltnp", f"sport = :{port}")
    found = {int(number) for number in re.findall(r"pid=(\d+)", said)}
    return sorted(found)


def _proportional(process: int) -> float:
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.returncode}: {done.stderr}")
    return done.stdout


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.registry", description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args(arguments)
    values: dict[str, list[tuple[float, ...]]] = {name: [] for name in PEERS}
    with tempfile.TemporaryDirectory(prefix="registry-bench-") as folder:
        blob = Path(folder) / "blob"
        data = os.urandom(SIZE)
        blob.write_bytes(data)
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        for number in range(options.runs):
            for name, peer in PEERS.items():
                os.sync()
                with peer(Path(folder) / f"{name}-{number}") as address:
                    values[name].append(measure(address, blob, digest))
    lines = [f"| | {' | '.join(COLUMNS)} |", "|---" * (len(COLUMNS) + 1) + "|"]
    for name, runs in values.items():
        medians = [statistics.median(column) for column in zip(*runs, strict=True)]
        lines.append(f"| {name} | {' | '.join(f'{one:,.0f}' for one in medians)} |")
    sys.stdout.write("\n".join([*lines, ""]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
