"""`wherry tag`: another name for an image."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.client.api import escape, query
from wherry.client.reference import split_reference
from wherry.errors import Invalid


def run(invocation: Invocation) -> int:
    source, target = invocation.arguments
    name, tag, digest = split_reference(target)
    if digest:
        raise Invalid("refusing to create a tag with a digest reference")
    if not name:
        raise Invalid(
            f'Error parsing reference: "{target}" is not a valid repository/tag: invalid reference format'
        )
    invocation.client.post(f"/images/{escape(source)}/tag" + query(repo=name, tag=tag or "latest"))
    return 0


COMMAND = Command(
    run,
    usage="IMAGE[:TAG] NEW_NAME[:TAG]",
    minimum=2,
    maximum=2,
    examples=(("tag debian:12 registry.example/base:1", "to push it there"),),
)
