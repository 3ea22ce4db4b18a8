"""`wherry compose build`: build the images of services."""

from __future__ import annotations

import os

from wherry.cli.command import Command, Invocation
from wherry.cli.compose.opened import opened
from wherry.compose.body import labels_image
from wherry.compose.building import build_image, build_order
from wherry.compose.images import push_image
from wherry.compose.plan import choose, order


def run(invocation: Invocation) -> int:
    flags, project = invocation.flags, opened(invocation)
    loaded, client = project.project, project.connections.client
    choose(loaded, invocation.arguments)
    chosen = list(invocation.arguments) or list(loaded.services)
    if flags.on("with-dependencies"):
        chosen = order(loaded, chosen)
    args: dict[str, str | None] = {}
    for text in flags.every("build-arg"):
        key, equals, value = text.partition("=")
        args[key] = value if equals else os.environ.get(key)
    for name in build_order(loaded, chosen):
        service = loaded.services[name]
        if not service.build:
            continue
        build_image(client, service, loaded, no_cache=flags.on("no-cache"), pull=flags.on("pull"), args=args)
        title = labels_image(service, loaded)
        if not flags.on("quiet"):
            project.say(f"Image {title}", "Built")
        if flags.on("push") and service.image:
            push_image(client, title)
            project.say(f"Image {title}", "Pushed")
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS] [SERVICE...]",
    maximum=None,
    flags=(
        ("build-arg", "", "list:NAME=VALUE", "Set a variable of the build", ""),
        ("no-cache", "", "bool", "Run every step again", ""),
        ("pull", "", "bool", "Look for newer base images", ""),
        ("push", "", "bool", "Upload the images that have a name in the files", ""),
        ("quiet", "q", "bool", "Say nothing", ""),
        ("with-dependencies", "", "bool", "Also what the services depend on", ""),
    ),
)
