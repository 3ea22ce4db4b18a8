"""Images to and from a registry on loopback (Debian's docker-registry, with files of its own)."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from benchmarks.folder import big_archive, ten_layers
from benchmarks.measure import Case, milliseconds
from benchmarks.peers import Peer
from tests.harness.docker_registry import docker_registry

_stack = contextlib.ExitStack()
atexit.register(_stack.close)


@functools.cache
def _filled() -> str:
    """The host:port of a registry with both images; it ends with this process."""
    folder = Path(tempfile.mkdtemp(prefix="registry-bench-", dir="/tmp"))
    _stack.callback(shutil.rmtree, folder, ignore_errors=True)
    address = _stack.enter_context(docker_registry(folder))
    for archive, name in ((big_archive(), "big"), (ten_layers(), "ten")):
        source, target = f"docker-archive:{archive}", f"docker://{address}/{name}:latest"
        command = ["skopeo", "copy", "-q", "--dest-tls-verify=false", source, target]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return address


def _pull(peer: Peer, name: str) -> list[str]:
    verify = ["--tls-verify=false"] if peer.name == "podman" else []
    return peer.command("pull", "-q", *verify, name)


def _pull_anew(peer: Peer, image: str) -> float:
    name = f"{_filled()}/{image}:latest"
    with contextlib.suppress(RuntimeError):
        peer.run("rmi", "-f", name)
    os.sync()
    elapsed = milliseconds(_pull(peer, name), peer.environment) / 1000
    peer.run("rmi", "-f", name)
    os.sync()
    return elapsed


def pull_big(peer: Peer) -> float:
    return _pull_anew(peer, "big")


def pull_ten(peer: Peer) -> float:
    return _pull_anew(peer, "ten")


def pull_again(peer: Peer) -> float:
    """Milliseconds of a pull that finds everything here."""
    name = f"{_filled()}/big:latest"
    peer.run(*_pull(peer, name)[len(peer.command_line) :])
    return milliseconds(_pull(peer, name), peer.environment)


def push_big(peer: Peer) -> float:
    """Into a registry that has nothing yet; the image came from an archive."""
    short = "localhost/big:latest" if peer.name == "podman" else "big:latest"
    peer.run("load", "-i", str(big_archive()))
    folder = Path(tempfile.mkdtemp(prefix="registry-bench-", dir="/tmp"))
    try:
        with docker_registry(folder) as address:
            name = f"{address}/big:latest"
            peer.run("tag", short, name)
            os.sync()
            verify = ["--tls-verify=false"] if peer.name == "podman" else []
            elapsed = milliseconds(peer.command("push", "-q", *verify, name), peer.environment) / 1000
            peer.run("rmi", name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return elapsed


CASES = [
    Case(
        "pull-big",
        "`pull` of one gzip layer of 196 MB (535 MB in 16,500 files) from a registry on loopback",
        "s",
        "≤ 1/2 of docker and podman",
        3,
        pull_big,
        warm_up=0,
    ),
    Case(
        "pull-ten",
        "`pull` of the same files in 10 layers of 50 MB",
        "s",
        "≤ 1/3 of docker",
        3,
        pull_ten,
        warm_up=0,
    ),
    Case("pull-again", "`pull` when everything is there", "ms", "< 50 ms", 10, pull_again),
    Case(
        "push-big",
        "`push` of the big image to an empty registry on loopback",
        "s",
        "≤ 1/2 of docker",
        3,
        push_big,
        warm_up=0,
    ),
]
