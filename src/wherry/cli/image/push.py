"""`wherry push`: upload an image to its registry."""

from __future__ import annotations

import sys

from wherry.cli.command import Command, Invocation
from wherry.cli.image.progress import show_progress
from wherry.client.api import escape, query
from wherry.client.credentials import auth_header
from wherry.client.reference import split_reference
from wherry.errors import Invalid


def run(invocation: Invocation) -> int:
    flags = invocation.flags
    name, tag, digest = split_reference(invocation.arguments[0])
    every, quiet = flags.on("all-tags"), flags.on("quiet")
    if digest:
        raise Invalid("cannot push a digest reference")
    if every and tag:
        raise Invalid("tag can't be used with --all-tags/-a")
    if not every:
        tag = tag or "latest"
    path = f"/images/{escape(name)}/push" + query(tag="" if every else tag, platform=flags.text("platform"))
    # Without credentials the header must be there all the same: an engine takes its absence for a mistake.
    headers = auth_header(name) or {"X-Registry-Auth": "e30="}
    response = invocation.client.begin("POST", path, headers=headers).response()
    show_progress(response.documents(), sys.stdout, quiet=quiet)
    response.close()
    if quiet:
        print(name if every else f"{name}:{tag}")
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS] NAME[:TAG]",
    minimum=1,
    maximum=1,
    flags=(
        ("all-tags", "a", "bool", "Every tag of the repository", ""),
        ("platform", "", "text:PLATFORM", "Only the image for this platform", ""),
        ("quiet", "q", "bool", "No progress", ""),
        ("disable-content-trust", "", "bool", "Accepted for Docker's sake; nothing is skipped", ""),
    ),
    examples=(("push registry.example/web:1", "the name says where to"),),
)
