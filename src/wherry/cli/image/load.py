"""`wherry load`: images from an archive that `save` has written, Docker's or OCI's."""

from __future__ import annotations

import os
import sys

from wherry.cli.command import Command, Invocation
from wherry.cli.image.progress import show_progress
from wherry.client.api import query
from wherry.client.upload import pieces_of
from wherry.errors import Invalid


def run(invocation: Invocation) -> int:
    flags = invocation.flags
    source = flags.text("input")
    if not source and os.isatty(0):
        raise Invalid("requested load from stdin, but stdin is empty", hint="wherry load -i archive.tar")
    quiet = flags.on("quiet") or not sys.stdout.isatty()
    path = "/images/load" + query(quiet=quiet, platform=flags.text("platform"))
    response = invocation.client.upload("POST", path, pieces_of(source))
    if response.headers.get("content-type", "").startswith("application/json"):
        show_progress(response.documents(), sys.stdout)
    else:
        sys.stdout.write(response.read().decode("utf-8", "replace"))
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS]",
    flags=(
        ("input", "i", "text:FILE", "Read this file, not standard input", ""),
        ("quiet", "q", "bool", "No progress", ""),
        ("platform", "", "text:PLATFORM", "Only the image for this platform", ""),
    ),
    details="The archive may be compressed with gzip or zstd.",
    examples=(("load -i images.tar", "from a file"), ("load < images.tar.gz", "from standard input")),
)
