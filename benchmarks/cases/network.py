"""Networks: throughput between containers and through published ports, requests, names under load."""

from __future__ import annotations

import contextlib
import json
import os
import re
import statistics
import subprocess
import time
from collections.abc import Iterator

from benchmarks.folder import services_image
from benchmarks.measure import Case, milliseconds
from benchmarks.peers import Peer

_PORT = 18080
_SECONDS = "3"


@contextlib.contextmanager
def _network(peer: Peer) -> Iterator[str]:
    """A user-defined network, gone at the end with what is in it."""
    if "services" not in peer.run("images"):
        peer.run("import", str(services_image()), "services:latest")
    name = f"bench-{os.getpid()}"
    peer.run("network", "create", name)
    try:
        yield name
    finally:
        if containers := peer.run("ps", "-aq").split():
            peer.run("rm", "-f", *containers)
        peer.run("network", "rm", name)


def _bits(output: str) -> float:
    said = json.loads(output)
    if "error" in said:
        raise RuntimeError(f"iperf3: {said['error']}")
    return float(said["end"]["sum_received"]["bits_per_second"]) / 1e9


def between_containers(peer: Peer) -> float:
    """iperf3 from one container to another, found by its name."""
    with _network(peer) as network:
        peer.run("run", "-d", "--name", "server", "--network", network, "services", "iperf3", "-s")
        time.sleep(1)
        command = [
            "run",
            "--rm",
            "--network",
            network,
            "services",
            "iperf3",
            "-J",
            "-t",
            _SECONDS,
            "-c",
            "server",
        ]
        return _bits(peer.run(*command))


def through_port(peer: Peer) -> float:
    """iperf3 from the machine to a container, through a published port on an address of the machine's own."""
    with _network(peer) as network:
        publish = ["-p", f"{_PORT}:5201"]
        peer.run("run", "-d", "--name", "server", "--network", network, *publish, "services", "iperf3", "-s")
        time.sleep(1)
        return _bits(_client("iperf3", "-J", "-t", _SECONDS, "-c", own_address(), "-p", str(_PORT)))


def requests(peer: Peer) -> float:
    """wrk from the machine against nginx in a container, through a published port."""
    with _network(peer) as network:
        command = ["services", "nginx", "-g", "daemon off;"]
        peer.run("run", "-d", "--name", "web", "--network", network, "-p", f"{_PORT}:80", *command)
        time.sleep(1)
        said = _client("wrk", "-t1", "-c16", f"-d{_SECONDS}", f"http://{own_address()}:{_PORT}/")
        found = re.search(r"Requests/sec:\s+([\d.]+)", said)
        if found is None or "Socket errors" in said:
            raise RuntimeError(f"{peer.name}: {said}")
        return float(found[1])


def names(peer: Peer) -> float:
    """Milliseconds of one look-up among 200 running containers of one network, while four of them ask at
    once as fast as they can: the median of 8,000. Raises RuntimeError when one is not answered."""
    script = (
        "import random, socket, time\n"
        "for _ in range(2000):\n"
        "    name = f'member-{random.randrange(200)}'\n"
        "    begin = time.perf_counter(); socket.gethostbyname(name)\n"
        "    print((time.perf_counter() - begin) * 1000)\n"
    )
    with _network(peer) as network:
        for number in range(200):
            options = ["--name", f"member-{number}", "--network", network]
            peer.run("run", "-d", *options, "busybox", "sleep", "100000")
        ask = peer.command("run", "--rm", "--network", network, "host", "python3", "-c", script)
        askers = [
            subprocess.Popen(ask, env=peer.environment, stdout=subprocess.PIPE, text=True) for _ in range(4)
        ]
        times = [float(line) for one in askers for line in one.communicate(timeout=120)[0].split()]
        if len(times) != 8000:
            raise RuntimeError(f"{8000 - len(times)} of 8,000 look-ups were not answered")
        return statistics.median(times)


def joining(peer: Peer) -> float:
    """Milliseconds by which a start with the default network takes longer than one with none."""
    took = []
    for network in ("none", "bridge"):
        command = peer.command("run", "--rm", "--network", network, "busybox", "true")
        took.append(statistics.median(milliseconds(command, peer.environment) for _ in range(15)))
    return took[1] - took[0]


def own_address() -> str:
    said = subprocess.run(["ip", "-4", "-j", "route", "get", "192.0.2.1"], capture_output=True, text=True)
    return str(json.loads(said.stdout)[0]["prefsrc"])


def _client(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return done.stdout


CASES = [
    Case(
        "net-between",
        "iperf3 between two containers",
        "Gbit/s",
        "at least docker's",
        3,
        between_containers,
        higher_is_better=True,
        warm_up=0,
    ),
    Case(
        "net-port",
        "iperf3 from the machine through a published port",
        "Gbit/s",
        "at least docker's",
        3,
        through_port,
        higher_is_better=True,
        warm_up=0,
    ),
    Case(
        "net-requests",
        "HTTP requests through a published port (wrk, nginx)",
        "1/s",
        "at least docker's",
        3,
        requests,
        higher_is_better=True,
        warm_up=0,
    ),
    Case(
        "net-names",
        "one look-up among 200 containers while four ask 8,000 times, median",
        "ms",
        "all answered, below 1 ms",
        1,
        names,
        ("wherry",),
        warm_up=0,
    ),
    Case(
        "net-joining",
        "what the default network adds to a start",
        "ms",
        "at most 10 ms",
        3,
        joining,
        warm_up=0,
    ),
]
