"""The engine's own log: lines on standard error, which the daemon points at `run/engine.log`."""

from __future__ import annotations

import os
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
