"""A corpus of Dockerfiles with what they come to: graph, configuration, files, history.

`WHERRY_GOLDEN=write` writes the expectations anew (read the difference before committing it). The same files
go through Docker's builder in `tests/conformance/test_docker_build.py`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.harness.built import configuration_of, files_in, history_of
from tests.harness.engine import EngineUnderTest
from tests.images.build_context import DOCKERFILES, make_context
from wherry.build.build import needed_stages
from wherry.build.dockerfile import parse

pytestmark = [pytest.mark.needs("root", "busybox")]

CASES = sorted(path.stem for path in DOCKERFILES.glob("*.Dockerfile"))


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The corpus' files."""
    return make_context(tmp_path_factory.mktemp("context"))


@pytest.fixture(scope="module")
def base(session_engine: EngineUnderTest) -> dict[str, str]:
    """The files of the image below, which the expectations leave out."""
    return files_in(session_engine, "busybox")


def _graph(text: bytes) -> list[str]:
    file = parse(text)
    needed = needed_stages(file.stages, len(file.stages) - 1)
    return [
        f"{stage.name}: FROM {stage.start.base}, {len(stage.steps)} steps"
        for stage in file.stages
        if stage.number in needed
    ]


@pytest.mark.parametrize("case", CASES)
def test_golden(engine: EngineUnderTest, context: Path, base: dict[str, str], case: str) -> None:
    text = (DOCKERFILES / f"{case}.Dockerfile").read_bytes()
    (context / "Dockerfile").write_bytes(text)
    image = engine.wherry("build", "-q", str(context)).line
    _, inspected = engine.api("GET", f"/images/{image}/json")
    _, history = engine.api("GET", f"/images/{image}/history")
    files = files_in(engine, image)
    found: dict[str, Any] = {
        "graph": _graph(text),
        "config": configuration_of(inspected),
        "history": history_of([step["CreatedBy"] for step in history]),
        "files": {name: value for name, value in files.items() if base.get(name) != value},
        "removed": [] if text.count(b"FROM scratch") else sorted(base.keys() - files.keys()),
    }
    expected = DOCKERFILES / f"{case}.json"
    if os.environ.get("WHERRY_GOLDEN") == "write":
        expected.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    assert found == json.loads(expected.read_text())
