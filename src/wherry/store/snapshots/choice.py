"""Which driver new snapshots get: overlay wherever the kernel can mount it on the store's filesystem."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from typing import NamedTuple

from wherry.errors import Unsupported
from wherry.store.removal import remove_tree

__all__ = ["Choice", "Chooser"]

_DRIVERS = ("overlay", "copy")
_TRIAL = 1  # another number for another trial


class Choice(NamedTuple):
    """The driver's name, and if it isn't overlay, why."""

    driver: str
    reason: str = ""


class Chooser:
    """Finds out which driver new snapshots get: `wanted`, else overlay if a trial mount works, else copy.

    The trial is made once for a kernel, a filesystem and a user. It takes some 30 ms in a process of its own,
    and runs beside whatever the caller does until it needs the answer.
    """

    def __init__(self, state_dir: str, wanted: str = "") -> None:
        """Raises Unsupported for an unknown driver."""
        if wanted and wanted not in _DRIVERS:
            raise Unsupported(f"unknown storage driver {wanted!r}", hint="overlay or copy")
        self._file = os.path.join(state_dir, "driver.json")
        self._key = [_TRIAL, os.uname().release, os.stat(state_dir).st_dev, os.geteuid(), _ids()]
        self._choice = Choice(wanted, "as configured") if wanted else self._remembered()
        self._thread: threading.Thread | None = None
        if self._choice is None:
            self._thread = threading.Thread(target=self._find_out, args=(state_dir,), name="overlay-trial")
            self._thread.start()

    def result(self) -> Choice:
        """Waits for the trial if it is under way."""
        if self._thread is not None:
            self._thread.join()
        return self._choice or Choice("copy", "overlay cannot be used: the trial mount failed")

    def _remembered(self) -> Choice | None:
        try:
            with open(self._file, encoding="utf-8") as file:
                known = json.load(file)
            return Choice(*known["choice"]) if known["key"] == self._key else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _find_out(self, state_dir: str) -> None:
        choice = _try(state_dir)
        try:
            with open(self._file, "w", encoding="utf-8") as file:
                json.dump({"key": self._key, "choice": choice}, file)
        except OSError:
            pass  # then the next start tries again
        self._choice = choice


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
