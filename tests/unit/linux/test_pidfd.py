"""What a pidfd and /proc tell about a process, alive, unreaped and reaped."""

from __future__ import annotations

import os
import select
import signal
import time
from pathlib import Path

from wherry.linux import pidfd


def test_start_time_names_a_process() -> None:
    here = pidfd.start_time(os.getpid())
    assert here > 0
    time.sleep(0.03)
    child = os.fork()
    if child == 0:
        signal.pause()
        os._exit(0)
    try:
        assert pidfd.start_time(child) > here
        assert pidfd.zombie_status(child) is None
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert pidfd.start_time(child) == 0


def test_the_exit_status_before_and_after_reaping() -> None:
    child = os.fork()
    if child == 0:
        os._exit(7)
    descriptor = os.pidfd_open(child)
    select.select([descriptor], [], [], 5)
    assert pidfd.exit_status(descriptor) is None
    assert pidfd.zombie_status(child) == 7 << 8
    os.waitpid(child, 0)
    assert pidfd.zombie_status(child) is None
    release = tuple(int(part) for part in os.uname().release.split(".")[:2])
    assert pidfd.exit_status(descriptor) == (7 << 8 if release >= (6, 15) else None)
    os.close(descriptor)


def test_a_name_with_parentheses() -> None:
    child = os.fork()
    if child == 0:
        with open("/proc/self/comm", "w") as file:
            file.write("a) Z 1 (b")
        signal.pause()
        os._exit(0)
    try:
        while "a) Z" not in Path(f"/proc/{child}/comm").read_text():
            time.sleep(0.005)
        assert pidfd.zombie_status(child) is None
        assert pidfd.start_time(child) > 0
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
