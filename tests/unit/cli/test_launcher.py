"""The quick start script, also in a folder whose name a first line can't hold."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from wherry.cli.launcher import script, write


@pytest.mark.parametrize("name", ["plain", "with a space", "it's", "x" * 130])
def test_script(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    interpreter = folder / "python3"
    interpreter.symlink_to(os.path.realpath(sys.executable))
    source = Path(__file__).parents[3] / "src"
    start = tmp_path / "wherry"
    start.write_text(script(os.fspath(interpreter), os.fspath(source)))
    start.chmod(0o755)
    done = subprocess.run([start, "--version", "it's"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "") or "accepts no arguments" in done.stderr
    done = subprocess.run([start, "ps", "it's", "b c"], capture_output=True, text=True, check=False)
    assert "'wherry ps' accepts no arguments" in done.stderr


def test_written(tmp_path: Path) -> None:
    target = tmp_path / "wherry"
    target.write_text("older")
    write(os.fspath(target))
    done = subprocess.run([target, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("wherry version ")
    assert os.listdir(tmp_path) == ["wherry"]
