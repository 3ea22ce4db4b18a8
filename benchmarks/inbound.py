"""What an ordinary user's published port carries, beside slirp4netns's own port forwarding.

    ./scripts/as-ordinary-user .venv/bin/python -m benchmarks.inbound [--runs N]

One iperf3 stream from the machine to a server behind each, in turn: slirp4netns with the MTU that it has by
itself (1500), and with the one that Docker and Podman give it (65520). Needs iperf3 and slirp4netns.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.harness.engine import EngineUnderTest

_SECONDS = "3"


@contextlib.contextmanager
def ours(folder: Path) -> Iterator[int]:
    """The published port of a container that runs iperf3, over the machine's own programs."""
    engine = EngineUnderTest(folder)
    engine.start()
    try:
        port = _free_port()
        engine.wherry("run", "-d", "-p", f"{port}:5201", "host", "iperf3", "-s")
        yield port
    finally:
        engine.stop()


@contextlib.contextmanager
def slirp(folder: Path, mtu: int = 1500) -> Iterator[int]:
    """The port that slirp4netns forwards to iperf3 in a namespace that it alone leads to."""
    port, control = _free_port(), folder / "control"
    inside = _start("unshare", "--user", "--map-root-user", "--net", "iperf3", "-s")
    _until(lambda: Path(f"/proc/{inside.pid}/comm").read_text() == "iperf3\n")
    command = ["slirp4netns", "--configure", f"--mtu={mtu}", "--api-socket", str(control)]
    outside = _start(*command, str(inside.pid), "tap0")
    try:
        _until(control.exists)
        arguments = {"proto": "tcp", "host_addr": "127.0.0.1", "host_port": port, "guest_port": 5201}
        with socket.socket(socket.AF_UNIX) as one:
            one.connect(str(control))
            one.sendall(json.dumps({"execute": "add_hostfwd", "arguments": arguments}).encode())
            one.shutdown(socket.SHUT_WR)
            said = one.recv(4096)
        if b"error" in said:
            raise RuntimeError(said.decode())
        yield port
    finally:
        for process in (outside, inside):
            process.terminate()
            process.wait()


PEERS: dict[str, Callable[[Path], contextlib.AbstractContextManager[int]]] = {
    "wherry": ours,
    "slirp4netns": slirp,
    "slirp4netns --mtu=65520": partial(slirp, mtu=65520),
}


def measure(port: int) -> float:
    """Gbit/s of one stream."""
    command = ["iperf3", "-J", "-t", _SECONDS, "-c", "127.0.0.1", "-p", str(port)]
    said = json.loads(subprocess.run(command, capture_output=True, text=True).stdout)
    if "error" in said:
        raise RuntimeError(f"iperf3: {said['error']}")
    return float(said["end"]["sum_received"]["bits_per_second"]) / 1e9


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.inbound", description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args(arguments)
    values: dict[str, list[float]] = {name: [] for name in PEERS}
    with tempfile.TemporaryDirectory(prefix="wherry-inbound-") as folder, contextlib.ExitStack() as stack:
        ports = {}
        for number, (name, start) in enumerate(PEERS.items()):
            place = Path(folder, str(number))
            place.mkdir()
            ports[name] = stack.enter_context(start(place))
        for _ in range(options.runs):
            for name, port in ports.items():
                values[name].append(measure(port))
                sys.stderr.write(f"{name}: {values[name][-1]:.2f} Gbit/s\n")
    medians = {name: statistics.median(found) for name, found in values.items()}
    for name, median in medians.items():
        times = medians["wherry"] / median
        sys.stdout.write(f"{name}: {median:.2f} Gbit/s (wherry: {times:.1f} times as much)\n")
    return 0


def _start(*command: str) -> subprocess.Popen[bytes]:
    nowhere = subprocess.DEVNULL
    return subprocess.Popen(command, stdin=nowhere, stdout=nowhere, stderr=nowhere)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _until(what: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            raise RuntimeError("it did not start")
        time.sleep(0.05)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
