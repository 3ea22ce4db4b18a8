"""`wherry manifest annotate`: say for which platform an image of a manifest list is."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.manifest import drafts
from wherry.client.reference import with_tag
from wherry.errors import NotFound

_MEMBERS = {"os": "os", "arch": "architecture", "variant": "variant", "os-version": "os.version"}


def run(invocation: Invocation) -> int:
    name, image = invocation.arguments
    flags = invocation.flags
    members = drafts.get(name)
    chosen = [one for one in members if one["Asked"] == with_tag(image) or one["Ref"].endswith(image)]
    if not chosen:
        raise NotFound(f"manifest for image {image} does not exist in {with_tag(name)}")
    platform = chosen[0]["Descriptor"].setdefault("platform", {})
    for flag, member in _MEMBERS.items():
        if flags.text(flag):
            platform[member] = flags.text(flag)
    if flags.every("os-features"):
        platform["os.features"] = flags.every("os-features")
    drafts.write(name, members)
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS] MANIFEST_LIST MANIFEST",
    minimum=2,
    maximum=2,
    flags=(
        ("os", "", "text:OS", "The operating system", ""),
        ("arch", "", "text:ARCH", "The architecture", ""),
        ("variant", "", "text:VARIANT", "The architecture's variant", ""),
        ("os-version", "", "text:VERSION", "The operating system's version", ""),
        ("os-features", "", "strings:FEATURE", "Features of the operating system that it needs", ""),
    ),
)
