"""`wherry manifest push`: upload a manifest list to its registry."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.manifest import drafts
from wherry.client.api import query
from wherry.client.credentials import auth_header


def run(invocation: Invocation) -> int:
    name = invocation.arguments[0]
    members = [
        {"Ref": one["Ref"], "Platform": one["Descriptor"].get("platform", {})} for one in drafts.get(name)
    ]
    path = "/wherry/manifests" + query(name=name)
    response = invocation.client.begin("POST", path, members, headers=auth_header(name)).response()
    answer = next(iter(response.documents()))
    response.close()
    print(answer["Digest"])
    if invocation.flags.on("purge"):
        drafts.remove(name)
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS] MANIFEST_LIST",
    minimum=1,
    maximum=1,
    flags=(
        ("purge", "p", "bool", "Forget the list here once it is there", ""),
        ("insecure", "", "bool", "Accepted for Docker's sake; registries.toml says which are", ""),
    ),
)
