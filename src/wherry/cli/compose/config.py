"""`wherry compose config`: the files as they are understood, in one."""

from __future__ import annotations

import sys

from wherry.cli.command import Command, Invocation
from wherry.cli.compose.opened import opened
from wherry.compose.body import labels_image
from wherry.compose.labels import config_hash
from wherry.compose.rendering import as_yaml, rendered


def run(invocation: Invocation) -> int:
    flags, project = invocation.flags, opened(invocation).project
    if flags.on("quiet"):
        return 0
    lines: list[str] | None = None
    if flags.on("services"):
        lines = list(project.services)
    elif flags.on("volumes"):
        lines = list(project.volumes)
    elif flags.on("networks"):
        lines = list(project.networks)
    elif flags.on("profiles"):
        every = [*project.services.values(), *project.others.values()]
        lines = sorted({name for service in every for name in service.profiles})
    elif flags.on("images"):
        lines = [labels_image(service, project) for service in project.services.values()]
    elif flags.given("hash"):
        wanted = flags.text("hash")
        names = list(project.services) if wanted == "*" else wanted.split(",")
        lines = [f"{name} {config_hash(project.services[name])}" for name in names]
    if lines is not None:
        print("\n".join(lines))
        return 0
    if flags.text("format", "yaml") == "json":
        import json

        print(json.dumps(rendered(project), indent=2))
    else:
        sys.stdout.write(as_yaml(project))
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS]",
    flags=(
        ("quiet", "q", "bool", "Only check", ""),
        ("format", "", "text:FORMAT", "yaml or json (yaml)", ""),
        ("services", "", "bool", "Only the names of the services", ""),
        ("volumes", "", "bool", "Only the names of the volumes", ""),
        ("networks", "", "bool", "Only the names of the networks", ""),
        ("profiles", "", "bool", "Only the names of the profiles", ""),
        ("images", "", "bool", "Only the names of the images", ""),
        ("hash", "", "text:SERVICES", "The configuration's digest of each; * for all", ""),
    ),
)
