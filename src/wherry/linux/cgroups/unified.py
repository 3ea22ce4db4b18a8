"""What the version 2 tree does for any cgroup, also one without controllers beside version 1."""

from __future__ import annotations

import errno
import os
import time

from wherry.linux.cgroups import files

FREEZE_WITHIN = 5.0  # seconds


def freeze(directory: str) -> None:
    """Freeze a cgroup of the version 2 tree and wait until it is. Raises TimeoutError after five seconds."""
    files.write(f"{directory}/cgroup.freeze", "1")
    until = time.monotonic() + FREEZE_WITHIN
    pause = 0.0002
    while not files.table(f"{directory}/cgroup.events").get("frozen"):
        if time.monotonic() > until:
            files.write(f"{directory}/cgroup.freeze", "0")
            raise TimeoutError(errno.ETIMEDOUT, "processes don't freeze", directory)
        time.sleep(pause)
        pause = min(pause * 2, 0.02)


def kill(directory: str) -> bool:
    """SIGKILL to all in a cgroup of the version 2 tree, since Linux 5.14; False before."""
    try:
        files.write(f"{directory}/cgroup.kill", "1")
    except FileNotFoundError:
        return not os.path.isdir(directory)
    return True
