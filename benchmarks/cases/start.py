"""What a person waits for: run, the first command ever, exec, ps."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Case, milliseconds
from benchmarks.peers import Peer
from tests.harness.engine import EngineUnderTest


def run_none(peer: Peer) -> float:
    return milliseconds(peer.command("run", "--rm", "--network", "none", "busybox", "true"), peer.environment)


def run_default(peer: Peer) -> float:
    return milliseconds(peer.command("run", "--rm", "busybox", "true"), peer.environment)


def first_command(peer: Peer) -> float:
    """wherry with an empty home, no engine yet; Docker with its daemon already running."""
    if peer.name != "wherry":
        return run_none(peer)
    engine = EngineUnderTest(Path(tempfile.mkdtemp(prefix="wherry-first-", dir="/tmp")))
    try:
        command = peer.command("run", "--rm", "--network", "none", "hello")
        return milliseconds(command, engine.environment)
    finally:
        engine.stop()
        shutil.rmtree(engine.home, ignore_errors=True)


@contextlib.contextmanager
def container(peer: Peer, *options: str) -> Iterator[str]:
    """A container that sleeps, removed at the end."""
    name = f"bench-{os.getpid()}"
    peer.run("run", "-d", "--network", "none", "--name", name, *options, "busybox", "sleep", "1000000")
    try:
        yield name
    finally:
        peer.run("rm", "-f", name)


def exec_true(peer: Peer) -> float:
    """The median of five, so that one container serves a round."""
    with container(peer) as name:
        times = sorted(milliseconds(peer.command("exec", name, "true"), peer.environment) for _ in range(5))
    return times[2]


def ps(peer: Peer) -> float:
    with container(peer):
        times = sorted(milliseconds(peer.command("ps"), peer.environment) for _ in range(5))
    return times[2]


CASES = [
    Case(
        "run-none",
        "`run --rm --network none busybox true`",
        "ms",
        "≤ 1/5 of docker, ≤ 1/3 of podman",
        21,
        run_none,
    ),
    Case("run-default", "`run --rm busybox true`, default network", "ms", "", 15, run_default),
    Case(
        "first",
        "the first command ever, engine started by it (docker, podman: `run-none`, already running)",
        "ms",
        "below docker's run",
        9,
        first_command,
    ),
    Case("exec", "`exec C true`", "ms", "≤ 1/2 of docker", 7, exec_true),
    Case("ps", "`ps`, one container", "ms", "", 7, ps),
]
