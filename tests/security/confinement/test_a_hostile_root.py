"""Root in a default container tries what root can do on a machine. One container, many attempts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.harness.command import Command

_SCRIPT = Path(__file__).with_name("attempts.py")


@pytest.fixture(scope="module")
def attempts(session_engine: Any) -> dict[str, Any]:
    done = session_engine.wherry("run", "--rm", "-i", "host", "python3", "-", stdin=_SCRIPT.read_text())
    found: dict[str, Any] = json.loads(done.out)
    return found


def test_nothing_of_it_works(attempts: dict[str, Any]) -> None:
    # a node may be made without effect; opening it is what counts, and is part of the attempt
    worked = [name for name, answer in attempts.items() if answer == "worked"]
    assert worked == []


def test_masked_files_are_empty(attempts: dict[str, Any]) -> None:
    assert not any(attempts["masked"].values())


def test_only_the_standard_devices_are_there(attempts: dict[str, Any]) -> None:
    standard = "console core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero"
    assert set(attempts["devices"]) <= set(standard.split())


def test_root_inside_is_nobody_outside(attempts: dict[str, Any]) -> None:
    inside, outside, count = map(int, attempts["id map"][:3])
    assert inside == 0
    assert (outside, count) != (0, 4294967295)


def test_the_walls_stand(attempts: dict[str, Any]) -> None:
    status = attempts["status"]
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert status["CapEff"] == status["CapBnd"] == "00000000a80425fb"
    assert status["CapInh"] == status["CapAmb"] == "0" * 16


@pytest.mark.needs("root", "apparmor")
def test_apparmor_confines_it(attempts: dict[str, Any]) -> None:
    assert attempts["label"] == "wherry-default (enforce)"


def test_no_descriptor_leaks_in(attempts: dict[str, Any]) -> None:
    assert len(attempts["descriptors"]) == 4  # three, and the one that reads the list


def test_what_was_given_up_is_said_and_stored(wherry: Command, image: str) -> None:
    plain = wherry("create", image, "true")
    assert "WARNING" not in plain.err
    wherry("run", "--name", "open", "--privileged", image, "true", code=None)
    said = json.loads(wherry("inspect", "open", "--format", "{{json .Wherry}}").out)
    assert said["Seccomp"] == "unconfined"
    assert any("--privileged" in sentence for sentence in said["GivenUp"])
