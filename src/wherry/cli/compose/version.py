"""`wherry compose version`: the version of this command line, and what it follows."""

from __future__ import annotations

from wherry import __version__
from wherry.cli.command import Command, Invocation
from wherry.client.codec import encode
from wherry.errors import Invalid


def run(invocation: Invocation) -> int:
    form = invocation.flags.text("format")
    if form not in ("", "pretty", "json"):
        raise Invalid(f"unsupported format {form!r}", hint="pretty or json")
    if invocation.flags.on("short"):
        print(__version__)
    elif form == "json":
        print(encode({"version": __version__}).decode())
    else:
        print(f"wherry compose version {__version__} (Compose specification)")
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS]",
    flags=(
        ("short", "", "bool", "Only the number", ""),
        ("format", "f", "text:FORMAT", "pretty or json", ""),
    ),
)
