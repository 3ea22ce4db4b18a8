"""`wherry pull`: download an image from a registry."""

from __future__ import annotations

import sys

from wherry.cli.command import Command, Invocation
from wherry.cli.image.download import download
from wherry.client.reference import split_reference, with_tag
from wherry.errors import Invalid


def run(invocation: Invocation) -> int:
    flags = invocation.flags
    image = invocation.arguments[0]
    quiet = flags.on("quiet")
    every = flags.on("all-tags")
    if every and any(split_reference(image)[1:]):
        raise Invalid("tag can't be used with --all-tags/-a")
    download(
        invocation.client,
        image,
        platform=flags.text("platform"),
        quiet=quiet,
        out=sys.stdout,
        every_tag=every,
    )
    print(image if every else with_tag(image))
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS] NAME[:TAG|@DIGEST]",
    minimum=1,
    maximum=1,
    flags=(
        ("all-tags", "a", "bool", "Every tag of the repository", ""),
        ("platform", "", "text:PLATFORM", "The image for this platform", ""),
        ("quiet", "q", "bool", "No progress", ""),
        ("disable-content-trust", "", "bool", "Accepted for Docker's sake; nothing is skipped", ""),
    ),
)
