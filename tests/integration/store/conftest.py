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


@pytest.fixture(params=["tmpfs", "ext4"])
def small_disk(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A filesystem of 24 MB. In a user namespace only tmpfs can be mounted."""
    directory = Path(tempfile.mkdtemp(prefix="wherry-disk-", dir="/tmp"))
    mounted = directory / "mounted"
    mounted.mkdir()
    if request.param == "tmpfs" or Path("/proc/self/uid_map").read_text().split()[-1] != "4294967295":
        command = ["mount", "-t", "tmpfs", "-o", "size=24m", "none", str(mounted)]
    else:
        image = directory / "disk"
        with image.open("wb") as file:
            file.truncate(24 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(image)], check=True)
        command = ["mount", "-o", "loop", str(image), str(mounted)]
    subprocess.run(command, check=True)
    if (mounted / "lost+found").exists():
        os.rmdir(mounted / "lost+found")
    yield mounted
    subprocess.run(["umount", "-l", str(mounted)], check=True)
    shutil.rmtree(directory)
