"""The fixture `lab`, for the folders that test the runtime below the engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.runtime_lab import Laboratory


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory, busybox_tar: Path | None) -> Iterator[Laboratory]:
    """A process that launches containers, and a busybox root. For tests that need `busybox`."""
    assert busybox_tar is not None
    laboratory = Laboratory(tmp_path_factory.mktemp("lab"), busybox_tar)
    yield laboratory
    laboratory.close()
