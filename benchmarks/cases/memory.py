"""What a hundred containers that do nothing cost, beyond their own processes."""

from __future__ import annotations

import time

from benchmarks.measure import Case
from benchmarks.peers import Peer
from benchmarks.processes import available_memory

COUNT = 100
MIB = 1 << 20


def engine_memory(peer: Peer) -> float:
    """The engine's processes together, containerd and podman's API service too, with nothing running."""
    return sum(process.pss for process in peer.processes()) / MIB


def idle_containers(peer: Peer) -> float:
    """What the engine's processes grow by (its helpers included), for each container."""
    return _per_container(peer)[0]


def idle_containers_all(peer: Peer) -> float:
    """The same from MemAvailable: with the containers' own processes and everything in the kernel."""
    return _per_container(peer)[1]


def _per_container(peer: Peer) -> tuple[float, float]:
    before, free = sum(process.pss for process in peer.processes()), available_memory()
    names = [f"idle-{number}" for number in range(COUNT)]
    try:
        for name in names:
            peer.run("run", "-d", "--network", "none", "--name", name, "busybox", "sleep", "1000000")
        time.sleep(1)
        after, left = sum(process.pss for process in peer.processes()), available_memory()
    finally:
        for start in range(0, COUNT, 20):
            peer.run("rm", "-f", *names[start : start + 20])
    return (after - before) / COUNT / MIB, (free - left) / COUNT / MIB


CASES = [
    Case(
        "engine-memory", "memory of the engine at rest", "MiB", "engine + supervisor < 80", 3, engine_memory
    ),
    Case(
        "idle",
        f"{COUNT} idle containers: growth of the engine's processes, each",
        "MiB",
        "≤ 1",
        1,
        idle_containers,
        warm_up=0,
    ),
    Case(
        "idle-all",
        f"{COUNT} idle containers: all memory they take, each",
        "MiB",
        "",
        1,
        idle_containers_all,
        warm_up=0,
    ),
]
