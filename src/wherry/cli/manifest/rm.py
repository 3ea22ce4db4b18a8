"""`wherry manifest rm`: forget manifest lists that were begun here."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.failure import complain
from wherry.cli.manifest import drafts
from wherry.errors import NotFound


def run(invocation: Invocation) -> int:
    code = 0
    for name in invocation.arguments:
        try:
            drafts.remove(name)
        except NotFound as error:
            complain(error)
            code = 1
    return code


COMMAND = Command(run, usage="MANIFEST_LIST [MANIFEST_LIST...]", minimum=1, maximum=None)
