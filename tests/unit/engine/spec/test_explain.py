"""Confinement in plain words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wherry.engine.models import Confinement, HostConfig
from wherry.engine.spec.explain import explain


def words(translated: Callable[..., Any], **host: Any) -> dict[str, str]:
    joined = {"joined": {"network": 41}}
    return dict(explain(translated(**host, wish=joined).confinement, HostConfig(**host)))


def test_a_default_container(translated: Callable[..., Any]) -> None:
    said = words(translated)
    assert "root inside is user 1879048192 outside" in said["user namespace"]
    assert said["capabilities"].endswith("within the user namespace only")
    assert "no_new_privs" in said["new privileges"]
    assert said["network"] == "its own"
    assert said["limit"].startswith("processes")
    assert "given up" not in said


def test_a_privileged_one(translated: Callable[..., Any]) -> None:
    said = words(translated, privileged=True, pid_mode="host", network_mode="container:web", memory=1 << 20)
    assert said["capabilities"] == "all"
    assert said["system calls"] == "all pass"
    assert said["processes"] == "those of this machine"
    assert said["network"] == "shared with container web"
    assert "open" in said["files"]
    assert "given up" in said


def test_one_that_has_not_run() -> None:
    said = dict(explain(Confinement(), HostConfig()))
    assert said["user namespace"].startswith("unknown")
    assert said["capabilities"] == "none"
