"""`wherry compose push`: upload the images of services that are built."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.compose.opened import opened
from wherry.compose.images import push_image


def run(invocation: Invocation) -> int:
    project = opened(invocation)
    services = project.project.services
    for name in invocation.arguments or services:
        service = services[name]
        if service.build and service.image:
            push_image(project.connections.client, service.image)
            project.say(f"Image {service.image}", "Pushed")
    return 0


COMMAND = Command(run, usage="[SERVICE...]", maximum=None)
