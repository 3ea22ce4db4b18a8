"""`wherry compose pull`: download the images of services."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from wherry.cli.command import Command, Invocation
from wherry.cli.compose.opened import opened
from wherry.compose.images import image_id, pull_image
from wherry.compose.plan import choose, order
from wherry.errors import Invalid, WherryError


def run(invocation: Invocation) -> int:
    flags, project = invocation.flags, opened(invocation)
    services = project.project.services
    choose(project.project, invocation.arguments)
    names = list(invocation.arguments) or list(services)
    if flags.on("include-deps"):
        names = order(project.project, names)
    chosen = [services[name] for name in names]
    if flags.text("policy") not in ("", "missing", "always"):
        raise Invalid(f"unsupported --policy {flags.text('policy')!r}", hint="missing or always")
    if flags.text("policy") == "missing":
        client = project.connections.client
        chosen = [service for service in chosen if not image_id(client, service.image)]
    images = dict.fromkeys(
        (service.image, str(service.fields.get("platform") or ""))
        for service in chosen
        if service.image and not (service.build and flags.on("ignore-buildable"))
    )
    failures: list[WherryError] = []

    def pull(found: tuple[str, str]) -> None:
        try:
            pull_image(project.connections.client, *found)
            if not flags.on("quiet"):
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
        ("quiet", "q", "bool", "Say nothing of what went well", ""),
        ("include-deps", "", "bool", "Also what the services depend on", ""),
        ("policy", "", "text:WHICH", "missing: only those that are not there; always (the default)", ""),
        ("ignore-pull-failures", "", "bool", "Go on with the others, and end well", ""),
        ("ignore-buildable", "", "bool", "Not those that can be built", ""),
    ),
)
