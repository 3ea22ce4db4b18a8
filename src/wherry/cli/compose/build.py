"""`wherry compose build`: build the images of services."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.compose.opened import opened
from wherry.compose.body import labels_image
from wherry.compose.images import build_image


def run(invocation: Invocation) -> int:
    project = opened(invocation)
    loaded = project.project
    for name in invocation.arguments or loaded.services:
        service = loaded.services[name]
        if service.build:
            client = project.connections.client
            build_image(client, service, loaded, no_cache=invocation.flags.on("no-cache"))
            project.say(f"Image {labels_image(service, loaded)}", "Built")
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS] [SERVICE...]",
    maximum=None,
    flags=(("no-cache", "", "bool", "Run every step again", ""),),
)
