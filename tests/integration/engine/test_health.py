"""Health checks with all their options, over the life of an engine."""

from __future__ import annotations

import json
from typing import Any

from tests.harness.engine import EngineUnderTest
from tests.harness.waiting import until

CHECK = ("--health-cmd", "test -e /tmp/well", "--health-interval", "100ms", "--health-retries", "2")
PATIENT = ("--health-start-period", "10m", "--health-start-interval", "50ms")


def health(engine: EngineUnderTest, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(engine.wherry("inspect", "-f", "{{json .State.Health}}", name).out)
    return found


def test_from_starting_to_unhealthy(own_engine: EngineUnderTest, image: str) -> None:
    wherry = own_engine.wherry
    wherry("run", "-d", "--name", "box", "--network", "none", *CHECK, *PATIENT, image, "sleep", "600")
    until(lambda: len(health(own_engine, "box")["Log"] or ()) >= 3)
    found = health(own_engine, "box")
    assert (found["Status"], found["FailingStreak"]) == ("starting", 0)  # failures at the start don't count
    assert all(one["ExitCode"] == 1 for one in found["Log"])
    assert "(health: starting)" in wherry("ps", "--format", "{{.Status}}").out
    wherry("exec", "box", "touch", "/tmp/well")
    until(lambda: health(own_engine, "box")["Status"] == "healthy")
    own_engine.kill()
    own_engine.start()
    assert health(own_engine, "box")["Status"] == "healthy"
    assert wherry("ps", "-q", "--filter", "health=healthy").out
    wherry("exec", "box", "rm", "/tmp/well")
    until(lambda: health(own_engine, "box")["Status"] == "unhealthy")
    assert health(own_engine, "box")["FailingStreak"] >= 2
    words = ("events", "--since", "1h", "--until", "0s", "--filter", "event=health_status")
    said = wherry(*words, "--format", "{{.Action}}").out
    assert said == "health_status: healthy\nhealth_status: unhealthy\n"
    wherry("stop", "-t", "0", "box")
    own_engine.kill()
    own_engine.start()
    assert health(own_engine, "box")["Status"] == "unhealthy"


def test_a_check_that_takes_too_long(engine: EngineUnderTest, image: str) -> None:
    check = ("--health-cmd", "sleep 600", "--health-interval", "50ms", "--health-timeout", "200ms")
    engine.wherry(
        "run",
        "-d",
        "--name",
        "slow",
        "--network",
        "none",
        *check,
        "--health-retries",
        "1",
        image,
        "sleep",
        "600",
    )
    until(lambda: health(engine, "slow")["Status"] == "unhealthy")
    last = health(engine, "slow")["Log"][-1]
    assert (last["ExitCode"], last["Output"]) == (-1, "Health check exceeded timeout (200ms)")
    until(lambda: engine.wherry("top", "slow", "-o", "pid,args").out.count("sleep 600") <= 2)  # it was ended


def test_no_check(engine: EngineUnderTest, image: str) -> None:
    engine.wherry(
        "run", "-d", "--name", "none", "--network", "none", "--no-healthcheck", image, "sleep", "600"
    )
    assert health(engine, "none") is None
    refused = engine.wherry(
        "run", "--health-cmd", "true", "--health-interval", "1us", image, "true", code=125
    )
    assert "Interval in Healthcheck cannot be less than 1ms" in refused.err
