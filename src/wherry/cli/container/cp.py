"""`wherry cp`: copy files into and out of containers."""

from __future__ import annotations

import os
import sys

from wherry.cli.command import Command, Invocation
from wherry.client.copying import copy_in, copy_out, stream_in, stream_out
from wherry.errors import Invalid


def run(invocation: Invocation) -> int:
    flags, client = invocation.flags, invocation.client
    source, target = invocation.arguments
    from_container, source_path = _split(source)
    to_container, target_path = _split(target)
    follow, owners = flags.on("follow-link"), flags.on("archive")
    if from_container and to_container:
        raise Invalid("copying between containers is not supported")
    if from_container:
        if target == "-":
            stream_out(client, from_container, source_path, follow=follow)
            return 0
        size = copy_out(client, from_container, source_path, target_path, follow=follow, owners=owners)
        _say(invocation, size, target)
    elif to_container:
        if source == "-":
            stream_in(client, to_container, target_path, owners=owners)
            return 0
        size = copy_in(client, source_path, to_container, target_path, follow=follow, owners=owners)
        _say(invocation, size, target)
    else:
        raise Invalid("must specify at least one container source", hint="write CONTAINER:PATH on one side")
    return 0


def _split(text: str) -> tuple[str, str]:
    """(container, path); no container for a local path."""
    if text.startswith("/"):
        return "", text
    container, colon, path = text.partition(":")
    if not colon or container.startswith("."):
        return "", text
    return container, path


def _say(invocation: Invocation, size: int, target: str) -> None:
    if not invocation.flags.on("quiet") and os.isatty(2):
        from wherry.cli.format.human import size as shown

        print(f"Successfully copied {shown(size)} to {target}", file=sys.stderr)


COMMAND = Command(
    run,
    usage="[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|- | SRC_PATH|- CONTAINER:DEST_PATH",
    minimum=2,
    maximum=2,
    flags=(
        ("archive", "a", "bool", "Keep owners (and set-user-ID bits and devices)", ""),
        ("follow-link", "L", "bool", "Copy what a symbolic link leads to", ""),
        ("quiet", "q", "bool", "Say nothing about success", ""),
    ),
    details="- stands for a tar archive on standard input or output; SRC/. for the content of a folder.",
    examples=(
        ("cp web:/etc/nginx/nginx.conf .", "out of it"),
        ("cp site/. web:/usr/share/nginx/html", "the content of a folder, into it"),
        ("cp web:/var/log - | tar t", "as a tar archive"),
    ),
)
