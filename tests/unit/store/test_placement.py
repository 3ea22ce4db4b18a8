"""The mark on directories whose trees have nothing to do with each other."""

from __future__ import annotations

import subprocess
from pathlib import Path

from wherry.store.placement import spread


def test_the_mark_is_set_where_the_filesystem_has_it(tmp_path: Path) -> None:
    spread(str(tmp_path))
    spread(str(tmp_path))
    kind = subprocess.run(["stat", "-fc", "%T", tmp_path], capture_output=True, text=True, check=True).stdout
    said = subprocess.run(["lsattr", "-d", str(tmp_path)], capture_output=True, text=True, check=False)
    if kind.startswith("ext") and said.returncode == 0:
        assert "T" in said.stdout.split()[0]


def test_other_filesystems_do_not_mind() -> None:
    spread("/proc")
    spread("/dev/shm")
