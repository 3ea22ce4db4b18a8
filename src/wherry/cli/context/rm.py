"""`wherry context rm`: forget contexts."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.failure import say
from wherry.client import contexts
from wherry.errors import WherryError


def run(invocation: Invocation) -> int:
    code = 0
    for name in invocation.arguments:
        try:
            contexts.remove(name, force=invocation.flags.on("force"))
            print(name)
        except WherryError as error:
            say(error.message)
            code = 1
    return code


COMMAND = Command(
    run,
    usage="[OPTIONS] NAME [NAME...]",
    minimum=1,
    maximum=None,
    flags=(("force", "f", "bool", "Also the one in use", ""),),
)
