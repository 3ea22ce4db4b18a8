"""`wherry context update`: change what a context says."""

from __future__ import annotations

import sys

from wherry.cli.command import Command, Invocation
from wherry.cli.context.endpoint import FLAGS, changed
from wherry.client import contexts


def run(invocation: Invocation) -> int:
    name = invocation.arguments[0]
    contexts.check_name(name)
    contexts.write(changed(contexts.read(name), invocation.flags))
    print(name)
    print(f'Successfully updated context "{name}"', file=sys.stderr)
    return 0


COMMAND = Command(run, usage="[OPTIONS] NAME", minimum=1, maximum=1, flags=FLAGS)
