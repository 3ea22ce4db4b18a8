"""`wherry compose pull`: download the images of services."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from wherry.cli.command import Command, Invocation
from wherry.cli.compose.opened import opened
from wherry.compose.images import pull_image
from wherry.errors import NotFound, WherryError


def run(invocation: Invocation) -> int:
    flags, project = invocation.flags, opened(invocation)
    services = project.project.services
    for name in invocation.arguments:
        if name not in services:
            raise NotFound(f"no such service: {name}")
    chosen = [services[name] for name in invocation.arguments or services]
    images = dict.fromkeys(
        (service.image, str(service.fields.get("platform") or ""))
        for service in chosen
        if service.image and not (service.build and flags.on("ignore-buildable"))
    )
    failures: list[WherryError] = []

    def pull(found: tuple[str, str]) -> None:
        try:
            pull_image(project.connections.client, *found)
            project.say(f"Image {found[0]}", "Pulled")
        except WherryError as error:
            project.say(f"Image {found[0]}", f"Error: {error.message}")
            failures.append(error)

    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(pull, images))
    if failures and not flags.on("ignore-pull-failures"):
        raise failures[0]
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS] [SERVICE...]",
    maximum=None,
    flags=(
        ("quiet", "q", "bool", "Accepted: only ends are reported here", ""),
        ("ignore-pull-failures", "", "bool", "Go on with the others, and end well", ""),
        ("ignore-buildable", "", "bool", "Not those that can be built", ""),
    ),
)
