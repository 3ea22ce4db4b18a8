"""Hooks: when they run, where, with what, and what their failure means."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.harness.runtime_lab import Laboratory

pytestmark = pytest.mark.needs("busybox")


def hook(script: str, **more: Any) -> dict[str, Any]:
    return {"path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/usr/bin:/bin"], **more}


def test_order_and_place(lab: Laboratory, tmp_path: Path) -> None:
    log = tmp_path / "log"
    tmp_path.chmod(0o777)
    spec = lab.spec("sh", "-c", "cat /from-hook")
    outside = f"readlink /proc/self/ns/mnt >>{log}; cat >>{tmp_path}/state"
    spec["hooks"] = {
        "prestart": [hook(f"echo prestart >>{log}; {outside}")],
        "createRuntime": [hook(f"echo createRuntime >>{log}")],
        "createContainer": [hook("test -e /proc/self && exit 0")],
        "startContainer": [hook("echo started >/from-hook")],
    }
    outcome = lab.run(spec)
    assert outcome.failure is None, outcome.failure
    assert outcome.out == "started\n"
    lines = log.read_text().splitlines()
    assert [lines[0], lines[2]] == ["prestart", "createRuntime"]
    assert lines[1] == lab.shell("readlink /proc/self/ns/mnt").strip()
    state = json.loads((tmp_path / "state").read_text())
    assert state["status"] == "creating"
    assert state["pid"] > 0


@pytest.mark.parametrize("kind", ["prestart", "createRuntime", "createContainer", "startContainer"])
def test_a_failing_hook_ends_the_launch(lab: Laboratory, kind: str) -> None:
    spec = lab.spec("true")
    spec["hooks"] = {kind: [hook("echo because >&2; exit 3")]}
    assert lab.run(spec).message == f"hook /bin/sh ({kind}) ended with 3: because"


def test_a_hook_that_takes_too_long(lab: Laboratory) -> None:
    spec = lab.spec("true")
    spec["hooks"] = {"createRuntime": [hook("sleep 30", timeout=1)]}
    assert lab.run(spec).message == "hook /bin/sh (createRuntime) did not end within 1 s"


def test_a_hook_that_is_missing(lab: Laboratory) -> None:
    spec = lab.spec("true")
    spec["hooks"] = {"createRuntime": [{"path": "/no/such"}]}
    assert lab.run(spec).message.startswith("hook /no/such (createRuntime) ended with 127: no such file")
