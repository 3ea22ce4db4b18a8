"""What a request through a published port costs: how many a second, and the CPU time of one, client included.

    python -m benchmarks.requests [--rounds N]

nginx from Debian, asked by wrk from the machine: in a container of ours, in one without a user namespace of
its own, and in one of Docker's, each for two seconds in turn. As root; needs docker.io and wrk.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import resource
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.cases.network import own_address
from benchmarks.folder import busybox_image, services_image
from benchmarks.peers import Docker, Peer, Wherry

_PORT = 18180
_TICKS = os.sysconf("SC_CLK_TCK")


class Server(NamedTuple):
    """A running nginx."""

    title: str
    port: int
    pid: int


class Round(NamedTuple):
    """What one turn of wrk saw: requests a second, and microseconds of CPU time for each."""

    rate: float
    cost: float


@contextlib.contextmanager
def serving(peer: Peer, first: int, options: list[list[str]]) -> Iterator[list[Server]]:
    """One nginx for each list of options, at ports from `first` on."""
    peer.run("import", str(services_image()), "services:latest")
    found = []
    for number, words in enumerate(options):
        publish = ["-p", f"{first + number}:80"]
        run = ["run", "-d", "--name", f"web{number}", *publish, *words, "services"]
        peer.run(*run, "nginx", "-g", "daemon off;")
        pid = peer.run("inspect", "-f", "{{.State.Pid}}", f"web{number}")
        found.append(Server(" ".join([peer.name, *words]), first + number, int(pid)))
    try:
        yield found
    finally:
        peer.run("rm", "-f", *(f"web{number}" for number in range(len(options))))


def one_round(server: Server) -> Round:
    """Ask for two seconds. Raises RuntimeError when wrk says nothing of use."""
    before, client = _spent(server.pid), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = ["wrk", "-t1", "-c16", "-d2", f"http://{own_address()}:{server.port}/"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    answered, rate = re.search(r"(\d+) requests in", said), re.search(r"Requests/sec:\s+([\d.]+)", said)
    if answered is None or rate is None or "Socket errors" in said:
        raise RuntimeError(f"{server.title}: {said}")
    spent = after.ru_utime + after.ru_stime - client.ru_utime - client.ru_stime
    return Round(float(rate[1]), (spent + _spent(server.pid) - before) * 1e6 / int(answered[1]))


def _spent(pid: int) -> float:
    """Seconds of CPU time of a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    total = 0
    for one in (str(pid), *children):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])  # utime, stime
    return total / _TICKS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=8)
    rounds = parser.parse_args().rounds
    with contextlib.ExitStack() as stack:
        servers: list[Server] = []
        own: list[list[str]] = [[], ["--userns", "host"]]
        for make, first, options in ((Wherry, _PORT, own), (Docker, _PORT + len(own), own[:1])):
            peer = make(busybox_image())
            stack.callback(peer.close)
            servers += stack.enter_context(serving(peer, first, options))
        seen: dict[Server, list[Round]] = {server: [] for server in servers}
        for _ in range(rounds):
            for server in servers:
                seen[server].append(one_round(server))
    for server, all_of_it in seen.items():
        rate = statistics.median(one.rate for one in all_of_it)
        cost = statistics.median(one.cost for one in all_of_it)
        sys.stdout.write(f"{server.title}: {rate:.0f} requests a second, {cost:.1f} µs of CPU time each\n")


if __name__ == "__main__":
    main()
