"""`wherry context export`: a context with its certificates as one file."""

from __future__ import annotations

import os
import sys

from wherry.cli.command import Command, Invocation
from wherry.client import contexts
from wherry.errors import Invalid


def run(invocation: Invocation) -> int:
    name, *places = invocation.arguments
    place = places[0] if places else f"{name}.dockercontext"
    archive = contexts.exported(contexts.read(name))
    if place == "-":
        if sys.stdout.isatty():
            raise Invalid("cowardly refusing to export to a terminal, specify a file path")
        sys.stdout.buffer.write(archive)
        return 0
    try:
        fd = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Invalid(f"{place}: {error.strerror}") from None
    with open(fd, "wb") as file:
        file.write(archive)
    print(f'Written file "{place}"', file=sys.stderr)
    return 0


COMMAND = Command(
    run,
    usage="NAME [FILE|-]",
    minimum=1,
    maximum=2,
    details="The file holds the client's key: whoever has it can use the engine.",
)
