"""`wherry compose push`: upload the images of services that are built."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.compose.opened import opened
from wherry.compose.images import push_image
from wherry.compose.plan import choose, order
from wherry.errors import WherryError


def run(invocation: Invocation) -> int:
    flags, project = invocation.flags, opened(invocation)
    services = project.project.services
    choose(project.project, invocation.arguments)
    names = list(invocation.arguments) or list(services)
    if flags.on("include-deps"):
        names = order(project.project, names)
    for name in names:
        service = services[name]
        if not (service.build and service.image):
            continue
        for image in [service.image, *map(str, service.build.get("tags") or ())]:
            try:
                push_image(project.connections.client, image)
            except WherryError as error:
                if not flags.on("ignore-push-failures"):
                    raise
                project.say(f"Image {image}", f"Error: {error.message}")
                continue
            if not flags.on("quiet"):
                project.say(f"Image {image}", "Pushed")
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS] [SERVICE...]",
    maximum=None,
    flags=(
        ("ignore-push-failures", "", "bool", "Go on with the others, and end well", ""),
        ("include-deps", "", "bool", "Also what the services depend on", ""),
        ("quiet", "q", "bool", "Say nothing of what went well", ""),
    ),
)
