"""The engine's own log: lines on standard error, which the daemon points at `run/engine.log`."""

from __future__ import annotations

import os
import stat
import sys
import time

from wherry.errors import WherryError


def say(text: str) -> None:
    """Write one line with the time in front."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    sys.stderr.write(f"{stamp}Z {text}\n")
    sys.stderr.flush()


def report(what: str, error: BaseException | None) -> None:
    """Write that something failed: one line for an error that a user could meet, all of it for one of
    ours."""
    say(f"{what}: {error}")
    if error is not None and (not isinstance(error, WherryError) or os.environ.get("WHERRY_DEBUG")):
        import traceback

        sys.stderr.write("".join(traceback.format_exception(error)))
        sys.stderr.flush()


LIMIT = 1 << 20
"""Bytes that the log may grow to; then its last quarter is kept."""


def trim() -> None:
    """Keep the log small, if it is a file. Whoever else appends to it goes on undisturbed."""
    try:
        status = os.fstat(2)
        if not stat.S_ISREG(status.st_mode) or status.st_size <= LIMIT:
            return
        fd = os.open("/proc/self/fd/2", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return
    try:
        tail = os.pread(fd, LIMIT // 4, status.st_size - LIMIT // 4)
        os.ftruncate(fd, 0)
        os.pwrite(fd, tail[tail.find(b"\n") + 1 :], 0)
    finally:
        os.close(fd)
