"""The supervisor, started while the engine still loads its own modules."""

from __future__ import annotations

import os

from wherry.supervisor import spawn


def begin(state_dir: str, run_dir: str, log: int) -> int:
    """Start one; the pid to wait for: it ends with 0 once a supervisor listens in the background."""
    command = spawn.command(state_dir, run_dir)
    return os.posix_spawn(
        command[0],
        command,
        spawn.environment(),
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
            (os.POSIX_SPAWN_DUP2, log, 2),
        ],
        setsid=True,
    )
