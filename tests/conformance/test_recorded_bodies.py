"""tests/unit/cli/create_bodies.json against the real `docker`: what its command line sends and says today.

With WHERRY_RECORD=1 the file is written anew from what it sends now.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.recorder import Recorder

pytestmark = [pytest.mark.needs("docker-cli")]

FILE = Path(__file__).parents[1] / "unit" / "cli" / "create_bodies.json"


@pytest.fixture(scope="module")
def recorder() -> Iterator[Recorder]:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, Recorder(Path(folder)) as recorder:
        yield recorder


def without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {name: without_empty(member) for name, member in value.items()}
        return {name: member for name, member in kept.items() if member}
    if isinstance(value, list):
        return [without_empty(member) for member in value]
    return value


def asked(recorder: Recorder, line: str) -> dict[str, Any] | str:
    """The body that `docker create` sends for a command line, or its error."""
    done = subprocess.run(
        ["docker", "create", *shlex.split(line)],
        env=dict(os.environ) | {"DOCKER_HOST": recorder.address, "B": "bee"},
        capture_output=True,
        text=True,
        check=False,
    )
    bodies = [one.body for one in recorder.take() if "/containers/create" in one.path]
    if not bodies:
        said = done.stderr.partition("\n\nUsage:")[0].partition("\n\nRun ")[0]
        return said.removeprefix("docker: ").rstrip()
    body = without_empty(bodies[0])
    host = body["HostConfig"]
    for name, default in (
        ("ConsoleSize", [0, 0]),
        ("MemorySwappiness", -1),
        ("RestartPolicy", {"Name": "no"}),
    ):
        if host.get(name) == default:
            del host[name]
    for unordered in (host.get("Binds", []), body.get("Env", [])):
        unordered.sort()
    return dict(body)


def test_as_recorded(recorder: Recorder) -> None:
    recorded = json.loads(FILE.read_text())
    found: dict[str, Any] = {
        kind: [[line, asked(recorder, line)] for line, _ in recorded[kind]]
        for kind in ("accepted", "refused")
    }
    if os.environ.get("WHERRY_RECORD"):
        FILE.write_text(json.dumps(found, indent=0, ensure_ascii=False) + "\n")
    different = [
        (line, before, now)
        for kind in ("accepted", "refused")
        for (line, before), (_, now) in zip(recorded[kind], found[kind], strict=True)
        if before != now
    ]
    assert different == []
