"""`wherry compose version`: the version of this command line, and what it follows."""

from __future__ import annotations

from wherry import __version__
from wherry.cli.command import Command, Invocation


def run(invocation: Invocation) -> int:
    if invocation.flags.on("short"):
        print(__version__)
    else:
        print(f"wherry compose version {__version__} (Compose specification)")
    return 0


COMMAND = Command(run, usage="[OPTIONS]", flags=(("short", "", "bool", "Only the number", ""),))
