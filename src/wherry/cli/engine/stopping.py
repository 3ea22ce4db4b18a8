"""Ending this user's engine and waiting until it is gone."""

from __future__ import annotations

import os
import select

from wherry.cli.engine.process import engine_process, listening
from wherry.errors import Unavailable

_TERM = 15
_PATIENCE = 30  # seconds


def end_engine(path: str) -> bool:
    """End the engine that listens on a socket; whether there was one. Containers go on running.

    Blocks until its process has ended. Raises Unavailable when it can't be seen, or takes too long.
    """
    if not listening(path):
        return False
    process = engine_process(path)
    if process is None:
        raise Unavailable(f"the process behind unix://{path} can't be seen from here")
    watch = os.pidfd_open(process)
    try:
        os.kill(process, _TERM)
        poll = select.poll()
        poll.register(watch, select.POLLIN)
        if not poll.poll(_PATIENCE * 1000):
            raise Unavailable(f"the engine (process {process}) did not end within {_PATIENCE} s")
    finally:
        os.close(watch)
    return True
