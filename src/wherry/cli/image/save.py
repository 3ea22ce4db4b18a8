"""`wherry save`: images as an archive, which `load` and every other engine read."""

from __future__ import annotations

from wherry.cli.archive import write_archive
from wherry.cli.command import Command, Invocation
from wherry.client.api import escape, query


def run(invocation: Invocation) -> int:
    flags = invocation.flags
    names = "&".join(f"names={escape(name)}" for name in invocation.arguments)
    platform = query(platform=flags.text("platform")).replace("?", "&")
    write_archive(invocation.client, f"/images/get?{names}{platform}", flags.text("output"))
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS] IMAGE [IMAGE...]",
    minimum=1,
    maximum=None,
    flags=(
        ("output", "o", "text:FILE", "Write to this file, not to standard output", ""),
        ("platform", "", "text:PLATFORM", "Only the image for this platform", ""),
    ),
    examples=(
        ("save -o images.tar web:1 db:2", "two images in one file"),
        ("save web:1 | ssh HOST wherry load", "to another machine"),
    ),
)
