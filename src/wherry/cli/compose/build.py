"""`wherry compose build`: build the images of services."""

from __future__ import annotations

import os
import sys

from wherry.cli.command import Command, Invocation
from wherry.cli.compose.opened import opened
from wherry.compose.body import labels_image
from wherry.compose.building import build_image, build_order, check_build
from wherry.compose.images import push_image
from wherry.compose.plan import choose, order
from wherry.errors import Unsupported


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
    for name in _REFUSED:
        if flags.given(name) and flags.text(name) not in ("false", "0", "default"):
            raise Unsupported(f"--{name} is not supported", hint="`wherry build` has --sbom and --provenance")
    if flags.on("check") and project.rehearsed:
        raise Unsupported("--check is not supported in dry-run mode", hint="it builds nothing by itself")
    if flags.on("print"):
        raise Unsupported("--print is not supported")
    quiet, clean = flags.on("quiet"), True
    for name in build_order(loaded, chosen):
        service = loaded.services[name]
        if not service.build:
            continue
        if flags.on("check"):
            clean = check_build(client, service, loaded, _hear) and clean
            continue
        build_image(
            client,
            service,
            loaded,
            no_cache=flags.on("no-cache"),
            pull=flags.on("pull"),
            args=args,
            ssh=flags.every("ssh"),
            memory=flags.size("memory"),
            hear=None if quiet or project.quiet else _hear,
        )
        title = labels_image(service, loaded)
        if not quiet:
            project.say(f"Image {title}", "Built")
        if flags.on("push") and service.image:
            push_image(client, title)
            project.say(f"Image {title}", "Pushed")
    return 0 if clean else 1


def _hear(text: str) -> None:
    """What the steps of a build write, on standard error."""
    sys.stderr.write(text)
    sys.stderr.flush()


_REFUSED = ("builder", "provenance", "sbom")

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
        ("check", "", "bool", "Only look for mistakes in the Dockerfiles", ""),
        ("ssh", "", "list:default|ID[=SOCKET|KEY]", "Lend RUN --mount=type=ssh an SSH agent or a key", ""),
        ("memory", "m", "size:BYTES", "Memory of each RUN", ""),
        ("builder", "", "text:NAME", "Refused: the engine is the builder", ""),
        ("print", "", "bool", "Refused", ""),
        ("provenance", "", "text:mode=MODE", "Refused, but for false", ""),
        ("sbom", "", "text:BOOL", "Refused, but for false", ""),
        ("with-dependencies", "", "bool", "Also what the services depend on", ""),
    ),
)
