"""A disk that is full in the middle of a build: one clear line, nothing left, and the next build works."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.engine import EngineUnderTest
from tests.harness.waiting import until

pytestmark = [pytest.mark.needs("root", "busybox")]


@pytest.fixture
def small_disk(no_engine: EngineUnderTest, busybox_tar: Path) -> Iterator[EngineUnderTest]:
    """An engine whose state has 48 MiB."""
    state = no_engine.home / "state"
    state.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m,mode=0700", "none", state], check=True)
    try:
        no_engine.start()
        no_engine.wherry("import", str(busybox_tar), "busybox:latest")
        yield no_engine
    finally:
        no_engine.stop()
        subprocess.run(["umount", state], check=True)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("COPY big /", "no space left on"),
        ("RUN cat /dev/zero > /big", "returned a non-zero code: 1"),
        # the step has done its work: neither its layer nor, perhaps, the database can be written
        ("RUN cat /dev/zero > /big || true", "no space left on"),
    ],
)
def test_a_layer_that_does_not_fit(
    small_disk: EngineUnderTest, tmp_path: Path, step: str, words: str
) -> None:
    (tmp_path / "big").write_bytes(b"x" * (64 << 20))
    (tmp_path / "Dockerfile").write_text(f"FROM busybox\nRUN echo $RANDOM > /first\n{step}\n")
    said = small_disk.wherry("build", str(tmp_path), code=1).err
    told = said.partition("\nwherry: ")[2].splitlines()
    assert words in told[0] and len([line for line in told if not line.startswith("hint: ")]) == 1, said
    state = small_disk.home / "state"
    until(lambda: not [*state.glob("build/work/*"), *state.glob("layers/.*"), *state.glob("containers/*")])
    (tmp_path / "Dockerfile").write_text("FROM busybox\nRUN echo $RANDOM > /first\nRUN echo it > /works\n")
    assert "CACHED" in small_disk.wherry("build", "-t", "small:1", str(tmp_path)).err
    assert small_disk.wherry("run", "--rm", "--network=none", "small:1", "cat", "/works").line == "it"
