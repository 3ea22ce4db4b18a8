"""`wherry commit`: an image from what a container has changed."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.client.api import escape, query
from wherry.client.reference import split_reference


def run(invocation: Invocation) -> int:
    flags = invocation.flags
    name, *target = invocation.arguments
    repository, tag, _ = split_reference(target[0]) if target else ("", "", "")
    options = query(
        container=name,
        repo=repository,
        tag=(tag or "latest") if target else "",
        comment=flags.text("message"),
        author=flags.text("author"),
        pause=None if flags.on("pause", True) else "0",
    )
    changes = "".join(f"&changes={escape(change)}" for change in flags.every("change"))
    print(invocation.client.post(f"/commit{options}{changes}")["Id"])
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
    minimum=1,
    maximum=2,
    flags=(
        ("message", "m", "text:TEXT", "A message, kept in the image's history", ""),
        ("author", "a", "text:NAME", "Who made it", ""),
        ("change", "c", "list:INSTRUCTION", "Change the configuration, e.g. 'CMD [\"sh\"]'", ""),
        ("pause", "p", "bool", "Freeze the container meanwhile (default true)", ""),
    ),
    examples=(("commit -m 'with vim' dev mine:2", "and `wherry run mine:2` goes on from there"),),
)
