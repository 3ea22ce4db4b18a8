"""`wherry rename`: give a container another name."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.client.api import query
from wherry.errors import Invalid


def run(invocation: Invocation) -> int:
    old, new = (name.strip() for name in invocation.arguments)
    if not old or not new:
        raise Invalid("Error: Neither old nor new names may be empty")
    invocation.client.post(f"/containers/{old}/rename" + query(name=new))
    return 0


COMMAND = Command(run, usage="CONTAINER NEW_NAME", minimum=2, maximum=2)
