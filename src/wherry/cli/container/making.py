"""Making a container: the request, the warnings, the id file, an image that is not there yet."""

from __future__ import annotations

import os
import sys

from wherry.cli.container.body import container_body
from wherry.client.api import query
from wherry.errors import Conflict, Invalid, NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wherry.cli.command import Invocation


def make_container(invocation: Invocation, *, console: tuple[int, int] | None = None) -> tuple[str, Any]:
    """Make the container that the flags describe; return its id and the request's body.

    `console` is the terminal's size in rows and columns. Warnings go to standard error. Raises what the
    engine answers, and NotFound with what to do when there is no such image.
    """
    flags = invocation.flags
    image, *command = invocation.arguments
    when = flags.text("pull", "missing")
    if when not in ("always", "missing", "never", ""):
        raise Invalid(f'invalid pull option: \'{when}\': must be one of "always", "missing" or "never"')
    body = container_body(flags, image, command)
    if console is not None:
        body["HostConfig"]["ConsoleSize"] = list(console)
    id_file = flags.text("cidfile")
    if id_file and os.path.exists(id_file):
        raise Conflict(
            f"container ID file found, make sure the other container isn't running or delete {id_file}"
        )
    platform = flags.text("platform") or os.environ.get("DOCKER_DEFAULT_PLATFORM", "")
    path = "/containers/create" + query(name=flags.text("name"), platform=platform)
    if when == "always":
        _download(invocation, image, platform)
    try:
        answer = invocation.client.post(path, body)
    except NotFound as error:
        if "image" not in error.message.lower() or when != "missing":
            raise
        print(f"Unable to find image '{_shown(image)}' locally", file=sys.stderr)
        _download(invocation, image, platform)
        answer = invocation.client.post(path, body)
    for warning in answer.get("Warnings") or ():
        print(f"WARNING: {warning}", file=sys.stderr)
    if flags.given("publish", "publish-all") and sys.stderr.isatty():
        _say_what_is_open(body["HostConfig"])
    if id_file:
        with open(id_file, "x", encoding="ascii") as file:
            file.write(answer["Id"])
    return answer["Id"], body


def _say_what_is_open(host: Any) -> None:
    """Tell a person at a terminal which ports other machines will reach."""
    bindings = host.get("PortBindings") or {}
    found = [
        binding["HostPort"] or port
        for port, entries in bindings.items()
        for binding in entries
        if binding["HostIp"] in ("", "0.0.0.0", "::")  # noqa: S104 — looked for, not bound
    ]
    if found or host.get("PublishAllPorts"):
        what = f"port {', '.join(found)}" if found else "every exposed port"
        print(f"{what}: open to other machines too; 127.0.0.1: before it keeps it here", file=sys.stderr)


def _shown(image: str) -> str:
    from wherry.client.reference import with_tag

    return with_tag(image)


def _download(invocation: Invocation, image: str, platform: str) -> None:
    from wherry.cli.image.download import download

    download(invocation.client, image, platform=platform, quiet=invocation.flags.on("quiet"), out=sys.stderr)
