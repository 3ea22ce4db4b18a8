"""Our registry beside Debian's docker-registry, which stands in docker's column: over files of their own on
loopback, with as many cores. Needs docker-registry, wrk and curl.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.folder import FOLDER
from benchmarks.measure import Case
from benchmarks.peers import Peer
from tests.harness.docker_registry import docker_registry
from tests.harness.registry import RegistryUnderTest

SIZE = 200 << 20
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def push_blob(peer: Peer) -> float:
    """MB/s of one client."""
    blob, digest = _blob()
    with _registry(peer) as address:
        begin = time.perf_counter()
        _push(address, blob, digest)
        return SIZE / (time.perf_counter() - begin) / 1e6


def pull_blob(peer: Peer) -> float:
    """MB/s of one client."""
    blob, digest = _blob()
    with _registry(peer) as address:
        _push(address, blob, digest)
        url = f"http://{address}/v2/bench/one/blobs/{digest}"
        said = _run("curl", "-sf", "-o", "/dev/null", "-w", "%{speed_download}", url)
        return float(said) / 1e6


def manifests(peer: Peer) -> float:
    """Requests a second of wrk's 16 connections."""
    with _registry(peer) as address:
        path = _push_manifest(address)
        said = _run("wrk", "-t2", "-c16", "-d4", "-H", f"Accept: {MANIFEST}", f"http://{address}{path}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    if found is None or "Non-2xx" in said:
        raise RuntimeError(said)
    return float(found[1])


def memory(peer: Peer) -> float:
    """MB at the peak while 50 clients pull the blob at once."""
    blob, digest = _blob()
    with _registry(peer) as address:
        _push(address, blob, digest)
        return _memory_with_clients(address, digest)


@contextlib.contextmanager
def _registry(peer: Peer) -> Iterator[str]:
    """The host:port of an empty one; ours with its default number of workers."""
    folder = Path(tempfile.mkdtemp(prefix="registry-bench-", dir="/tmp"))
    try:
        os.sync()
        if peer.name == "wherry":
            with RegistryUnderTest(folder, workers=0) as running:
                yield running.address
        else:
            with docker_registry(folder) as address:
                yield address
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@functools.cache
def _blob() -> tuple[Path, str]:
    """A file of random bytes, and its digest."""
    path = FOLDER / "blob"
    if not path.exists() or path.stat().st_size != SIZE:
        FOLDER.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(SIZE))
    with path.open("rb") as file:
        return path, f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def _push_manifest(address: str) -> str:
    """Push an artifact of one small blob; the path of its manifest."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"{}")
        file.flush()
        digest = f"sha256:{hashlib.sha256(b'{}').hexdigest()}"
        _push(address, Path(file.name), digest)
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": 2}
    layer = {**config, "mediaType": "application/vnd.oci.image.layer.v1.tar"}
    body = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]})
    path = "/v2/bench/one/manifests/latest"
    answer = _request(address, "PUT", path, body.encode(), {"Content-Type": MANIFEST})
    if answer.status != 201:
        raise RuntimeError(f"{address}: manifest {answer.status}")
    return path


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


_PEERS = ("wherry", "docker")
_THEIRS = "≥ docker-registry"
CASES = [
    Case(
        "registry-push",
        "our registry: a blob of 200 MB pushed (docker: docker-registry)",
        "MB/s",
        _THEIRS,
        3,
        push_blob,
        _PEERS,
        higher_is_better=True,
        warm_up=0,
    ),
    Case(
        "registry-pull",
        "our registry: a blob of 200 MB to one client",
        "MB/s",
        _THEIRS,
        3,
        pull_blob,
        _PEERS,
        higher_is_better=True,
        warm_up=0,
    ),
    Case(
        "registry-manifests",
        "our registry: manifest requests of 16 connections",
        "1/s",
        _THEIRS,
        3,
        manifests,
        _PEERS,
        higher_is_better=True,
        warm_up=0,
    ),
    Case(
        "registry-memory",
        "our registry: memory while 50 clients pull 200 MB each",
        "MB",
        "< 150 MB",
        2,
        memory,
        _PEERS,
        warm_up=0,
    ),
]
