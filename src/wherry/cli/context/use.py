"""`wherry context use`: choose the engine that commands go to."""

from __future__ import annotations

import os
import sys

from wherry.cli.command import Command, Invocation
from wherry.client import contexts


def run(invocation: Invocation) -> int:
    name = invocation.arguments[0]
    contexts.use(name)
    print(name)
    print(f'Current context is now "{name}"', file=sys.stderr)
    for variable in ("WHERRY_HOST", "DOCKER_HOST", "WHERRY_CONTEXT", "DOCKER_CONTEXT"):
        if os.environ.get(variable):
            print(f"Warning: {variable} is set and overrides it", file=sys.stderr)
    return 0


COMMAND = Command(
    run,
    usage="NAME",
    minimum=1,
    maximum=1,
    details="`default` is this user's own engine. Docker's own choice stays as it is.",
)
