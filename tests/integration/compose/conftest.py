"""A folder with compose files, and the command line in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.command import Command, Result
from tests.harness.engine import EngineUnderTest


class Application:
    """One project in a folder of its own. `app("up", "-d")` runs `wherry compose`."""

    def __init__(self, engine: EngineUnderTest, folder: Path, image: str) -> None:
        self.engine, self.folder, self.image = engine, folder, image
        self.command = Command(engine.environment, folder)

    def write(self, **files: str) -> None:
        """Write files; `__` in a name stands for a dot. IMAGE is the test image's name."""
        for name, text in files.items():
            (self.folder / name.replace("__", ".")).write_text(text.replace("IMAGE", self.image))

    def __call__(self, *words: str, code: int | None = 0, stdin: str | None = None) -> Result:
        return self.command("compose", *words, code=code, stdin=stdin)

    def inspect(self, name: str) -> Any:
        return json.loads(self.command("inspect", name).out)[0]

    def containers(self) -> dict[str, str]:
        """Name to id, of all."""
        lines = self.command("ps", "-a", "--no-trunc", "--format", "{{.Names}} {{.ID}}").out.splitlines()
        return {line.split()[0]: line.split()[1] for line in lines}


@pytest.fixture
def app(engine: EngineUnderTest, tmp_path: Path, image: str) -> Iterator[Application]:
    folder = tmp_path / "shop"
    folder.mkdir()
    found = Application(engine, folder, image)
    yield found
    found("-p", "shop", "down", "-v", "--remove-orphans", "-t", "0", code=None)
