"""Commands of Docker's that this version does not have yet: said plainly, with what to do meanwhile."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.errors import Unsupported

_MEANWHILE = {
    "context": "meanwhile: WHERRY_HOST or -H chooses an engine, e.g. ssh://user@host",
    "build": "meanwhile: change a container and `wherry commit` it, or `wherry import` a root file system",
}


def run(invocation: Invocation) -> int:
    verb = invocation.name.rpartition(" ")[2]
    raise Unsupported(f"'wherry {invocation.name}' is not yet in this version", hint=_MEANWHILE.get(verb, ""))


class _Anything(Command):
    """Takes every word, so that the answer is the same whatever was asked of it."""


COMMAND = _Anything(run, usage="[ARG...]", maximum=None, interspersed=False)
