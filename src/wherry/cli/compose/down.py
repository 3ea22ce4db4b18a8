"""`wherry compose down`: remove containers and networks."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.compose.opened import opened
from wherry.client.api import escape
from wherry.compose.body import labels_image
from wherry.compose.removing import down
from wherry.errors import Conflict, Invalid, NotFound


def run(invocation: Invocation) -> int:
    flags, project = invocation.flags, opened(invocation)
    images = flags.text("rmi")
    if images not in ("", "all", "local"):
        raise Invalid(f"invalid value for --rmi: {images!r}", hint="all or local")
    known, external = None, frozenset[str]()
    if not project.files_missing():
        loaded = project.project
        known = {*loaded.services, *loaded.others}
        external = frozenset(volume.name for volume in loaded.volumes.values() if volume.external)
    down(
        project.connections,
        project.name,
        project.say,
        services=invocation.arguments,
        known=known,
        timeout=flags.number("timeout") if flags.given("timeout") else None,
        volumes=flags.on("volumes"),
        orphans=flags.on("remove-orphans"),
        external=external,
        hooks=project.hooks(),
    )
    if images and not project.files_missing():
        for service in project.project.services.values():
            if images == "local" and service.image:
                continue
            name = labels_image(service, project.project)
            try:
                project.connections.client.delete(f"/images/{escape(name)}")
                project.say(f"Image {name}", "Removed")
            except NotFound:
                pass
            except Conflict as error:
                project.say(f"Image {name}", f"Resource is still in use: {error.message}")
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS] [SERVICE...]",
    maximum=None,
    flags=(
        ("volumes", "v", "bool", "Also its named volumes, with their content", ""),
        ("rmi", "", "text:WHICH", "Also images: all, or local (those without a name in the files)", ""),
        ("remove-orphans", "", "bool", "Also containers of services that are not in the files", ""),
        ("timeout", "t", "int", "Seconds before a container that stops is killed", ""),
    ),
)
