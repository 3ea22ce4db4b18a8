"""`python -m wherry.engine.erase`: remove all state of this user; no engine may run, no container be left.

A process of its own, because an ordinary user's state holds files of subordinate ids: only root of the user
namespace may remove them.
"""

from __future__ import annotations

import os
import shutil
import sys

from wherry import paths
from wherry.engine.bootstrap import claim, rootless
from wherry.errors import Conflict, WherryError


def erase(state_dir: str, run_dir: str) -> None:
    """Remove both directories. Raises Conflict beside a running engine or while something is mounted there,
    OSError for what can't be removed."""
    for folder in (state_dir, run_dir):
        if os.path.lexists(folder):
            claim.make_private(folder)
    if os.path.isdir(run_dir) and claim.take_lock(run_dir) is None:
        raise Conflict("an engine is running", hint="wherry engine stop")
    mounted = [point for point in _mount_points() if point.startswith((f"{state_dir}/", f"{run_dir}/"))]
    if mounted:
        raise Conflict(f"{mounted[0]} is mounted", hint="a container still uses it")
    if rootless.needed():
        rootless.enter_new()
    for folder in (state_dir, run_dir):
        if os.path.isdir(folder):
            shutil.rmtree(folder)


def _mount_points() -> list[str]:
    with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as file:
        return [line.split(" ")[1] for line in file]


if __name__ == "__main__":
    try:
        erase(os.path.realpath(paths.state_dir()), os.path.realpath(paths.run_dir()))
    except WherryError as error:
        sys.exit(error.message + (f" ({error.hint})" if error.hint else ""))
    except OSError as error:
        sys.exit(f"{error.filename}: {error.strerror}")
