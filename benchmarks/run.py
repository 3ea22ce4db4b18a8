"""Measure wherry beside Docker and Podman: `python -m benchmarks.run [NAME...] [--runs N] [--write]`.

As root. Every peer gets files of its own and is ended afterwards. `--list` names the benchmarks; `--peers`
chooses among wherry, docker, podman and bare; `--write` puts the table into benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import subprocess
import sys
import time

from benchmarks import table
from benchmarks.cases import (
    api,
    build,
    bulk,
    clients,
    compose,
    inside,
    memory,
    network,
    registry,
    registry_server,
    start,
)
from benchmarks.folder import busybox_image
from benchmarks.measure import Case, Outcome, run_case
from benchmarks.peers import PEERS, Peer

CASES: dict[str, Case] = {
    case.name: case
    for cases in (
        start,
        api,
        memory,
        bulk,
        inside,
        build,
        network,
        registry,
        registry_server,
        compose,
        clients,
    )
    for case in cases.CASES
}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="all without one")
    parser.add_argument("--runs", type=int, help="at most so many, instead of each benchmark's own number")
    parser.add_argument("--peers", default="wherry,docker,podman,bare")
    parser.add_argument("--write", action="store_true", help="into benchmarks/README.md")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args(arguments)
    if options.list:
        for case in CASES.values():
            sys.stdout.write(f"{case.name:15} {case.title}\n")
        return 0
    unknown = [name for name in options.names if name not in CASES]
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(CASES)}")
    chosen = [CASES[name] for name in options.names] or list(CASES.values())
    wanted = [name for name in options.peers.split(",") if any(name in case.peers for case in chosen)]
    outcomes: list[Outcome] = []
    with contextlib.ExitStack() as stack:
        peers: list[Peer] = []
        for name in wanted:
            peer = PEERS[name](busybox_image())
            stack.callback(peer.close)
            peers.append(peer)
        for case in chosen:
            outcomes.append(run_case(case, peers, options.runs))
            sys.stderr.write(f"{_line(outcomes[-1])}\n")
    made = table.markdown(outcomes)
    sys.stdout.write(f"{made}\n")
    if options.write:
        table.write(made, " ".join(["python -m benchmarks.run", *arguments]), _machine())
    return 0


def _line(outcome: Outcome) -> str:
    parts = []
    for name, values in outcome.values.items():
        ordered = sorted(values)
        parts.append(f"{name} {outcome.median(name):.3g} ({ordered[0]:.3g}..{ordered[-1]:.3g})")
    return f"{outcome.case.name} [{outcome.case.unit}]: {', '.join(parts)}"


def _machine() -> str:
    versions = []
    for name in ("docker", "podman"):
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            versions.append(
                subprocess.run([name, "--version"], capture_output=True, text=True, check=True).stdout
            )
    peers = "; ".join(version.strip() for version in versions)
    return (
        f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, Linux {platform.release().partition('-')[0]}, "
        f"Python {platform.python_version()}; {peers}. Medians; ÷ is how many times better wherry is."
    )


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
