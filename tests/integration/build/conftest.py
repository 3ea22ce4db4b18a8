"""Fixtures of build tests: a context, and a build with its image."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness.command import Command, Result

Build = Callable[..., Result]


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A directory with a few files."""
    folder = tmp_path / "context"
    (folder / "d").mkdir(parents=True)
    (folder / "a").write_text("a\n")
    (folder / "d" / "b").write_text("b\n")
    return folder


@pytest.fixture
def build(wherry: Command, context: Path, image: str) -> Build:
    """`build(dockerfile, *options)` in the context; `BASE` in it is the image with a shell."""

    def run(dockerfile: str, *options: str, code: int | None = 0, **more: object) -> Result:
        (context / "Dockerfile").write_text(dockerfile.replace("BASE", image))
        return wherry("build", "--progress=plain", *options, str(context), code=code)

    return run
