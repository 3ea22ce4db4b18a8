"""An application of ten services, brought up and down: `wherry compose` against Docker Compose on dockerd."""

from __future__ import annotations

import functools
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.measure import Case
from benchmarks.peers import Peer

SERVICES = 10


def write_application(folder: Path) -> None:
    """Ten services of busybox on one network, each depending on the one before the last."""
    lines = ["services:"]
    for number in range(SERVICES):
        lines += [f"  s{number}:", "    image: busybox", "    command: sleep 600", "    init: true"]
        if number >= 2:
            lines.append(f"    depends_on: [s{number - 2}]")
    (folder / "docker-compose.yml").write_text("\n".join(lines) + "\n")


@functools.cache
def docker_compose() -> list[str]:
    """Docker Compose 2, where Docker's command line has it, else the older one in Python."""
    asked = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    return ["docker", "compose"] if asked.returncode == 0 else ["docker-compose"]


def up_and_down(peer: Peer) -> tuple[float, float]:
    """Seconds for `up -d` and for `down`. Raises RuntimeError."""
    command = [*peer.command("compose")] if peer.name == "wherry" else docker_compose()
    environment = peer.environment | {"DOCKER_HOST": f"unix://{peer.socket}", "COMPOSE_PROJECT_NAME": "ten"}
    if peer.name == "wherry":
        environment.pop("DOCKER_HOST")
    with tempfile.TemporaryDirectory() as place:
        write_application(Path(place))
        times = []
        for words in (["up", "-d"], ["down", "-t", "10"]):
            begin = time.perf_counter()
            done = subprocess.run(
                [*command, *words],
                cwd=place,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode != 0:
                raise RuntimeError(f"{peer.name}: {done.stderr}")
            times.append(time.perf_counter() - begin)
    return times[0], times[1]


CASES = [
    Case(
        "compose-up",
        f"compose up of {SERVICES} services",
        "s",
        "≤ 1/3 of Docker Compose on dockerd",
        5,
        lambda peer: up_and_down(peer)[0],
        peers=("wherry", "docker"),
    ),
    Case(
        "compose-down",
        f"compose down of {SERVICES} services",
        "s",
        "≤ 1/3 of Docker Compose on dockerd",
        5,
        lambda peer: up_and_down(peer)[1],
        peers=("wherry", "docker"),
    ),
]
