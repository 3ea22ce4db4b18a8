"""Interleaved measurements: every peer in turn, so that a busy moment hits all of them alike."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from benchmarks.peers import Peer


class Case(NamedTuple):
    """One benchmark."""

    name: str
    title: str
    unit: str
    """`ms`, `s`, `MiB`, `MB`, `MB/s`, `1/s`, `Gbit/s` or `%`."""
    bar: str
    """What the project promises, in words."""
    runs: int
    measure: Callable[[Peer], float]
    """One run against one peer: the value in `unit`. Cleans up after itself."""
    peers: tuple[str, ...] = ("wherry", "docker", "podman")
    higher_is_better: bool = False
    warm_up: int = 1


class Outcome(NamedTuple):
    """The values of one case, by peer."""

    case: Case
    values: Mapping[str, Sequence[float]]

    def median(self, peer: str) -> float | None:
        """None when the peer was not measured."""
        values = self.values.get(peer)
        return statistics.median(values) if values else None

    def ratio(self, peer: str) -> float | None:
        """How many times better wherry is than `peer`; below 1 it is worse."""
        ours, theirs = self.median("wherry"), self.median(peer)
        if not ours or not theirs:
            return None
        return ours / theirs if self.case.higher_is_better else theirs / ours


def run_case(case: Case, peers: Sequence[Peer], runs: int | None = None) -> Outcome:
    """Measure `case` on those of `peers` that it names. Blocks for as long as that takes.

    A peer that fails is left out from then on, and said so on standard error.
    """
    chosen = [peer for peer in peers if peer.name in case.peers]
    values: dict[str, list[float]] = {peer.name: [] for peer in chosen}
    for number in range(-case.warm_up, min(runs or case.runs, case.runs)):
        turn = number % max(1, len(chosen))
        for peer in chosen[turn:] + chosen[:turn]:
            try:
                value = case.measure(peer)
            except (RuntimeError, OSError) as failure:
                sys.stderr.write(f"{case.name}: {peer.name} is left out: {failure}\n")
                chosen.remove(peer)
                del values[peer.name]
                continue
            if number >= 0:
                values[peer.name].append(value)
    return Outcome(case, values)


def milliseconds(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """The wall time of one whole process. Raises RuntimeError when it fails."""
    begin = time.perf_counter()
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    elapsed = (time.perf_counter() - begin) * 1000
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace")
        raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode}: {said}")
    return elapsed
