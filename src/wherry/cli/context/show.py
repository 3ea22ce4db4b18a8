"""`wherry context show`: the name of the context in use."""

from __future__ import annotations

import os

from wherry.cli.command import Command, Invocation
from wherry.client import contexts


def in_use() -> str:
    """The context that commands go by now: `default` also where a variable names the engine itself."""
    if os.environ.get("WHERRY_HOST") or os.environ.get("DOCKER_HOST"):
        return contexts.DEFAULT
    return os.environ.get("WHERRY_CONTEXT") or os.environ.get("DOCKER_CONTEXT") or contexts.current()


def run(_invocation: Invocation) -> int:
    print(in_use())
    return 0


COMMAND = Command(run)
