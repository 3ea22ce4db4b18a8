"""The files of /etc that the engine keeps for a container."""

from __future__ import annotations

import os
from pathlib import Path

from wherry.engine.containers.hostfiles import _put


def test_a_file_is_rewritten_in_place_and_never_emptied(tmp_path: Path) -> None:
    directory = str(tmp_path)
    _put(directory, "hosts", "127.0.0.1\tlocalhost\n172.17.0.2\tweb\n")
    before = os.stat(tmp_path / "hosts")
    for text in ("127.0.0.1\tlocalhost\n", "127.0.0.1\tlocalhost\n", "10.0.0.9\tdb\n" * 3):
        _put(directory, "hosts", text)
        assert (tmp_path / "hosts").read_text() == text
    assert os.stat(tmp_path / "hosts").st_ino == before.st_ino
    (tmp_path / "hosts").write_text("x" * 100_000)  # as a container may
    _put(directory, "hosts", "short\n")
    assert (tmp_path / "hosts").read_text() == "short\n"
