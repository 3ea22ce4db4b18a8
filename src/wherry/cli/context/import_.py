"""`wherry context import`: a context from a file that `export` made."""

from __future__ import annotations

import sys

from wherry.cli.command import Command, Invocation
from wherry.client import contexts
from wherry.errors import Conflict, Invalid


def run(invocation: Invocation) -> int:
    name, place = invocation.arguments
    contexts.check_name(name)
    if name in contexts.names():
        raise Conflict(f'context "{name}" already exists')
    try:
        if place == "-":
            archive = sys.stdin.buffer.read()
        else:
            with open(place, "rb") as file:
                archive = file.read()
    except OSError as error:
        raise Invalid(f"{place}: {error.strerror}") from None
    contexts.write(contexts.imported(name, archive))
    print(name)
    print(f'Successfully imported context "{name}"', file=sys.stderr)
    return 0


COMMAND = Command(run, usage="NAME FILE|-", minimum=2, maximum=2)
