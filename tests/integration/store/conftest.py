"""A store of its own for each test."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from wherry.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(str(tmp_path / "state"))
    yield opened
    opened.close()


def file_chunks(path: Path, size: int = 1 << 19) -> Iterator[bytes]:
    """The file, as an HTTP body would come in."""
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(size):
            yield chunk


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A filesystem of 24 MB."""
    directory = Path(tempfile.mkdtemp(prefix="wherry-disk-", dir="/tmp"))
    image = directory / "disk"
    with image.open("wb") as file:
        file.truncate(24 << 20)
    mounted = directory / "mounted"
    mounted.mkdir()
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(image)], check=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(mounted)], check=True)
    os.rmdir(mounted / "lost+found")
    yield mounted
    subprocess.run(["umount", "-l", str(mounted)], check=True)
    shutil.rmtree(directory)
