"""`wherry engine stop`: end the engine. What runs in containers goes on."""

from __future__ import annotations

import os
import select

from wherry.cli.command import Command, Invocation
from wherry.cli.engine.process import engine_process, listening
from wherry.client.address import chosen_address
from wherry.errors import Unavailable, Unsupported

_TERM = 15
_PATIENCE = 30  # seconds


def run(invocation: Invocation) -> int:
    address = chosen_address(invocation.host)
    if not address.own:
        raise Unsupported(
            f"the engine at {address} is not this user's own", hint="stop it where it was started"
        )
    if not listening(address.target):
        print("no engine is running")
        return 0
    process = engine_process(address.target)
    if process is None:
        raise Unavailable(f"the process behind {address} can't be seen from here")
    watch = os.pidfd_open(process)
    try:
        os.kill(process, _TERM)
        poll = select.poll()
        poll.register(watch, select.POLLIN)
        if not poll.poll(_PATIENCE * 1000):
            raise Unavailable(f"the engine (process {process}) did not end within {_PATIENCE} s")
    finally:
        os.close(watch)
    print("stopped")
    return 0


COMMAND = Command(
    run,
    details="Containers go on running; the next command starts an engine that finds them again.",
)
