"""A container that floods its log, forks and eats memory all at once; the engine and its neighbours go on."""

from __future__ import annotations

import time
from pathlib import Path

from tests.harness.engine import EngineUnderTest


def test_the_engine_answers_while_logs_are_flooded(engine: EngineUnderTest, image: str) -> None:
    engine.wherry("run", "-d", "--name", "neighbour", image, "sleep", "60")
    flood = ["--log-opt", "max-size=1m", image, "sh", "-c", "while :; do cat /bin/busybox; done"]
    for number in range(2):
        engine.wherry("run", "-d", "--name", f"flood{number}", *flood)
    slowest = 0.0
    for _ in range(20):
        began = time.monotonic()
        assert engine.answers()
        assert engine.api("GET", "/containers/json")[0] == 200
        slowest = max(slowest, time.monotonic() - began)
        time.sleep(0.05)
    assert slowest < 30, slowest
    assert engine.wherry("exec", "neighbour", "echo", "alive").line == "alive"
    for number in range(2):
        engine.wherry("rm", "-f", f"flood{number}")


def test_a_line_without_end_takes_no_memory(engine: EngineUnderTest, image: str) -> None:
    """50 MB without a newline: the log is capped, and the engine does not hold it."""
    before = resident(engine)
    name = engine.wherry(
        "run", "-d", "--log-opt", "max-size=1m", image, "head", "-c", "50000000", "/dev/zero"
    ).line
    engine.wherry("wait", name, timeout=60)
    folder = engine.home / "state" / "containers" / name
    assert sum(file.stat().st_size for file in folder.glob("container.log*")) < 8 << 20
    assert resident(engine) < before + 20_000


def resident(engine: EngineUnderTest) -> int:
    """Memory of the engine, in KiB."""
    assert engine.process is not None
    status = Path(f"/proc/{engine.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1])
