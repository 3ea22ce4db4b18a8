"""Starts programs in the machine's network for a rootless engine, which is not in it."""

from __future__ import annotations

import os
import resource
import signal

_usual_limit = resource.getrlimit(resource.RLIMIT_NOFILE)


def raise_limit() -> None:
    """Let this process have as many descriptors as it may; what it starts gets the usual number."""
    most = _usual_limit[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def start(command: list[str], environment: dict[str, str]) -> None:
    """Run a program in a session of its own, of which nobody hears again. Raises OSError (out of memory)."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        if os.fork() == 0:
            os.setsid()
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_NOFILE, _usual_limit)
            os.umask(0o022)
            os.execve(command[0], command, environment)
    finally:
        os._exit(1)
