"""`wherry image inspect`: everything that is known of images."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.format.details import INSPECT_FLAGS, show_details
from wherry.client.api import escape


def run(invocation: Invocation) -> int:
    flags = invocation.flags
    return show_details(
        invocation.arguments,
        lambda name: invocation.client.get(f"/images/{escape(name)}/json"),
        flags.text("format"),
    )


COMMAND = Command(
    run,
    usage="[OPTIONS] IMAGE [IMAGE...]",
    minimum=1,
    maximum=None,
    flags=INSPECT_FLAGS,
)
