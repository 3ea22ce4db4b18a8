"""Starts a supervisor that outlives whoever starts it."""

from __future__ import annotations

import os
import sys

import wherry
from wherry.errors import Unavailable


def command(state_dir: str, run_dir: str) -> list[str]:
    """The command line of a supervisor that goes into the background once it listens."""
    arguments = ["--state-dir", state_dir, "--run-dir", run_dir, "--background"]
    return [sys.executable, "-S", "-P", "-m", "wherry.supervisor", *arguments]


def environment() -> dict[str, str]:
    """A small environment: nothing of the engine's reaches a process that lives for months.

    `site` is not imported there (a third of the start-up time), so the package is found by PYTHONPATH.
    """
    source = os.path.dirname(os.path.dirname(os.path.abspath(wherry.__file__)))
    names = ("PATH", "XDG_RUNTIME_DIR", "WHERRY_DEBUG", "WHERRY_HOME")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return {**kept, "PYTHONPATH": source, "LC_ALL": "C.UTF-8"}


async def spawn(state_dir: str, run_dir: str) -> None:
    """Start one and wait until it listens; fine when another one got there first. Raises Unavailable."""
    import asyncio  # only here: the engine spawns one before it loads its own modules

    process = await asyncio.create_subprocess_exec(
        *command(state_dir, run_dir),
        env=environment(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
        cwd="/",
    )
    _, output = await process.communicate()
    if process.returncode != 0:
        detail = output.decode(errors="replace").strip().splitlines()
        raise Unavailable(
            f"the supervisor did not start: {detail[-1] if detail else f'status {process.returncode}'}",
            hint=f"start it by hand to see more: {' '.join(command(state_dir, run_dir))}",
        )
