"""`wherry manifest create`: begin a manifest list of images that are in a registry."""

from __future__ import annotations

import json

from wherry.cli.command import Command, Invocation
from wherry.cli.manifest import drafts
from wherry.cli.manifest.asking import ask
from wherry.client.reference import with_tag
from wherry.errors import Conflict, Invalid


def run(invocation: Invocation) -> int:
    name, *images = invocation.arguments
    members = drafts.read(name)
    if members is not None and not invocation.flags.on("amend"):
        raise Conflict(
            "refusing to amend an existing manifest list with no --amend flag",
            hint=f"--amend, or `wherry manifest rm {name}` first",
        )
    members = members or []
    for image in images:
        found = ask(invocation.client, image, members=True)
        if "manifests" in json.loads(found["Document"]):
            raise Invalid(f"cannot use digests or tags of manifest lists: {image} is one")
        member = {**found["Members"][0], "Asked": with_tag(image)}
        members = [one for one in members if one["Ref"] != member["Ref"]] + [member]
    drafts.write(name, members)
    print(f"Created manifest list {with_tag(name)}")
    return 0


COMMAND = Command(
    run,
    usage="MANIFEST_LIST MANIFEST [MANIFEST...]",
    minimum=2,
    maximum=None,
    flags=(
        ("amend", "a", "bool", "Add to a list that was begun", ""),
        ("insecure", "", "bool", "Accepted for Docker's sake; registries.toml says which are", ""),
    ),
    examples=(("manifest create reg.example/app:1 reg.example/app:1-amd64 reg.example/app:1-arm64", ""),),
)
