"""`wherry import`: an image from a tar archive of a file system."""

from __future__ import annotations

import os
import sys

from wherry.cli.command import Command, Invocation
from wherry.cli.image.progress import show_progress
from wherry.client.api import escape, query
from wherry.client.reference import split_reference
from wherry.client.upload import pieces_of
from wherry.errors import Invalid


def run(invocation: Invocation) -> int:
    flags = invocation.flags
    source, *target = invocation.arguments
    repository, tag, _ = split_reference(target[0]) if target else ("", "", "")
    remote = source.startswith(("http://", "https://")) and not os.path.exists(source)
    options = query(
        fromSrc=source if remote else "-",
        repo=repository,
        tag=(tag or "latest") if target else "",
        message=flags.text("message"),
        platform=flags.text("platform"),
    )
    changes = "".join(f"&changes={escape(change)}" for change in flags.every("change"))
    path = f"/images/create{options}{changes}"
    if remote:
        response = invocation.client.stream("POST", path)
    else:
        if source == "-" and os.isatty(0):
            raise Invalid("there is no archive on standard input", hint="wherry import - NAME < archive.tar")
        response = invocation.client.upload("POST", path, pieces_of(source))
    show_progress(response.documents(), sys.stdout)
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS] FILE|URL|- [REPOSITORY[:TAG]]",
    minimum=1,
    maximum=2,
    flags=(
        ("message", "m", "text:TEXT", "A message, kept in the image's history", ""),
        ("change", "c", "list:INSTRUCTION", "Set the configuration, e.g. 'CMD [\"sh\"]'", ""),
        ("platform", "", "text:PLATFORM", "The platform it is for", ""),
    ),
    details="The archive may be compressed with gzip or zstd.",
    examples=(
        ("import debian.tar.zst debian:12", "from a file"),
        ("import -c 'CMD [\"bash\"]' - mine < rootfs.tar", "from standard input, with a command"),
    ),
)
