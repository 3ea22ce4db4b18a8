"""Which driver new snapshots get: overlay wherever the kernel can mount it on the store's filesystem."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from typing import NamedTuple

from wherry.errors import Unsupported
from wherry.store.removal import remove_tree

__all__ = ["Choice", "choose_driver"]

_DRIVERS = ("overlay", "copy")
_TRIAL = 1  # another number for another trial


class Choice(NamedTuple):
    """The driver's name, and if it isn't overlay, why."""

    driver: str
    reason: str = ""


def choose_driver(state_dir: str, wanted: str = "") -> Choice:
    """The driver for new snapshots: `wanted` if given, else overlay if a trial mount works, else copy.

    The trial (some 20 ms, in a process of its own) is made once for a kernel, a filesystem and a user. Raises
    Unsupported for an unknown driver.
    """
    if wanted:
        if wanted not in _DRIVERS:
            raise Unsupported(f"unknown storage driver {wanted!r}", hint="overlay or copy")
        return Choice(wanted, "as configured")
    path = os.path.join(state_dir, "driver.json")
    key = [_TRIAL, os.uname().release, os.stat(state_dir).st_dev, os.geteuid(), _ids()]
    try:
        with open(path, encoding="utf-8") as file:
            known = json.load(file)
        if known["key"] == key:
            return Choice(*known["choice"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    choice = _try(state_dir)
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"key": key, "choice": choice}, file)
    return choice


def _try(state_dir: str) -> Choice:
    directory = tempfile.mkdtemp(prefix=".trial-", dir=state_dir)
    source = os.path.abspath(os.path.join(os.path.dirname(__file__), *[os.pardir] * 3))
    program = f"import sys; sys.path[:0] = [{source!r}]; from wherry.linux.overlay import main; main()"
    try:
        # -S: without the site module it is up in a third of the time, and nothing installed is needed.
        command = [sys.executable, "-I", "-S", "-c", program, directory]
        trial = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    except subprocess.TimeoutExpired:
        return Choice("copy", "overlay cannot be used: the trial mount hangs")
    finally:
        remove_tree(directory)
    if trial.returncode == 0:
        return Choice("overlay")
    reason = trial.stdout.strip() or (trial.stderr.strip().splitlines() or ["unknown"])[-1]
    return Choice("copy", f"overlay cannot be used: {reason}")


def _ids() -> list[str]:
    with open("/proc/self/uid_map", encoding="ascii") as file:
        return file.read().split()
