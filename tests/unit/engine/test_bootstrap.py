"""Lock, sockets and command line of the engine's process."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from wherry.engine.__main__ import read_options
from wherry.engine.bootstrap import claim, sockets
from wherry.errors import Invalid, Unavailable


def test_only_one_has_the_lock(tmp_path: Path) -> None:
    lock = claim.take_lock(str(tmp_path))
    assert lock is not None
    assert claim.take_lock(str(tmp_path)) is None
    os.close(lock)
    again = claim.take_lock(str(tmp_path))
    assert again is not None
    os.close(again)


def test_directories_are_made_private(tmp_path: Path) -> None:
    place = tmp_path / "a" / "b"
    claim.make_private(str(place))
    place.chmod(0o755)
    claim.make_private(str(place))
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    link = tmp_path / "link"
    link.symlink_to(place)
    with pytest.raises(Unavailable):
        claim.make_private(str(link))


def test_a_stale_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "x.sock"
    for _ in range(2):
        bound = sockets.bind(str(path))
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
        bound.close()


def test_sockets_of_another_process_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PID", "1")
    monkeypatch.setenv("LISTEN_FDS", "1")
    assert sockets.inherited() == []


def test_options(tmp_path: Path) -> None:
    options = read_options(["--run-dir", str(tmp_path), "--idle-after=3", "--detach"])
    assert (options.run_dir, options.idle_after, options.detach) == (str(tmp_path), 3.0, True)
    for wrong in (["--nonsense"], ["--socket"], ["--idle-after", "soon"]):
        with pytest.raises(Invalid):
            read_options(wrong)
