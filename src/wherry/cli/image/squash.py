"""`wherry image squash`: an image with the same files in one layer."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.format.human import size
from wherry.client.api import escape, query
from wherry.client.reference import split_reference
from wherry.errors import Invalid


def run(invocation: Invocation) -> int:
    source, *target = invocation.arguments
    repo, tag, digest = split_reference(target[0]) if target else ("", "", "")
    if digest:
        raise Invalid("a digest can't be chosen: name a tag")
    client, quiet = invocation.client, invocation.flags.on("quiet")
    before = client.get(f"/images/{escape(source)}/json")
    path = "/wherry/images/squash" + query(
        name=source, repo=repo, tag=tag or ("latest" if repo else ""), above=invocation.flags.text("above")
    )
    made = client.post(path)["Id"]
    print(made)
    if not quiet:
        import sys

        after = client.get(f"/images/{escape(made)}/json")
        old, new = before["Size"], after["Size"]
        layers = [len(image["RootFS"]["Layers"]) for image in (before, after)]
        print(
            f"{size(old)} in {layers[0]} layers is now {size(new)} in {layers[1]}: {size(max(0, old - new))}"
            " less",
            file=sys.stderr,
        )
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS] IMAGE [NEW_NAME[:TAG]]",
    minimum=1,
    maximum=2,
    details="Files that later layers delete or replace are left behind. The image itself stays as it is.",
    flags=(
        ("above", "", "text:IMAGE", "Keep this image's layers, so that others go on sharing them", ""),
        ("quiet", "q", "bool", "Only the new image's id", ""),
    ),
    examples=(
        ("image squash app:1 app:small", "one layer"),
        ("image squash --above debian:12 app:1 app:small", "debian's layers, and one of its own"),
    ),
)
