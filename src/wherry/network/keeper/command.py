"""How a keeper is started; light, because a rootless engine does it before anything else."""

from __future__ import annotations

import os
import sys

import wherry

GUARDED = "--guarded"


def socket_path(run_dir: str) -> str:
    """Where the keeper of an engine listens."""
    return os.path.join(run_dir, "keeper.sock")


def command(run_dir: str, *, guarded: bool = False) -> list[str]:
    """The command line of a keeper that goes into the background once it listens; `guarded`: with a parent
    that replaces it when it is killed."""
    start = [sys.executable, "-S", "-P", "-m", "wherry.network.keeper", socket_path(run_dir)]
    return [*start, GUARDED] if guarded else start


def environment() -> dict[str, str]:
    """A small environment for a process that outlives the engine; `site` is not imported there."""
    source = os.path.dirname(os.path.dirname(os.path.abspath(wherry.__file__)))
    return {"PYTHONPATH": source, "LC_ALL": "C.UTF-8", "PATH": os.environ.get("PATH", "")}
