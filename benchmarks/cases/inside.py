"""Work inside a container against the same work on the bare machine, timed by the work itself."""

from __future__ import annotations

import os

from benchmarks.measure import Case
from benchmarks.peers import Peer

ALL = ("wherry", "docker", "podman", "bare")

CPU = "i=0; while [ $i -lt 1500000 ]; do i=$((i+1)); done"
CALLS = "dd if=/dev/zero of=/dev/null bs=1 count=2000000 2>/dev/null"
DISK = "dd if=/dev/zero of=./wherry-disk bs=1M count=512 conv=fsync 2>/dev/null; rm ./wherry-disk"


def _timed(peer: Peer, work: str) -> float:
    """Milliseconds by /proc/uptime (in steps of 10), so that starting the container does not count."""
    script = f"read b _ </proc/uptime; {work}; read c _ </proc/uptime; echo $b $c"
    begin, end = peer.run("run", "--rm", "--network", "none", "busybox", "sh", "-c", script).split()
    return (float(end) - float(begin)) * 1000


def cpu(peer: Peer) -> float:
    return _timed(peer, CPU)


def calls(peer: Peer) -> float:
    return _timed(peer, CALLS)


def disk(peer: Peer) -> float:
    os.sync()
    return _timed(peer, DISK)


CASES = [
    Case("cpu", "CPU inside: a shell counts to 1,500,000", "ms", "within 2 % of bare", 7, cpu, ALL),
    Case("calls", "system calls inside: 4,000,000", "ms", "", 7, calls, ALL),
    Case("disk", "disk inside: 512 MiB written and fsync'ed", "ms", "within 2 % of bare", 7, disk, ALL),
]
