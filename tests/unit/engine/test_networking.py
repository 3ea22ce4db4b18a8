"""The kernel's side of networks is made once, however many containers ask for it first."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from wherry.engine.machine import look_up
from wherry.engine.networking import Lazy
from wherry.store.database import Database


def test_it_is_made_once_by_threads_that_ask_at_the_same_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []

    def make(_self: Lazy) -> object:
        made.append(object())
        time.sleep(0.05)  # for all the others to come
        return made[-1]

    monkeypatch.setattr(Lazy, "_make", make)
    lazy = Lazy(Database(str(tmp_path / "db")), str(tmp_path), look_up(rootless=False, own_network=False))
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(lazy())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1 and found == made * 8
