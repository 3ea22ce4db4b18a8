"""`wherry stack rm`: remove the containers and networks of stacks. Volumes stay."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.stack.project import compose, containers


def run(invocation: Invocation) -> int:
    code = 0
    for stack in invocation.arguments:
        containers(invocation, stack)
        code = compose(invocation, stack, "down", "--remove-orphans") or code
    return code


COMMAND = Command(run, usage="STACK [STACK...]", minimum=1, maximum=None)
