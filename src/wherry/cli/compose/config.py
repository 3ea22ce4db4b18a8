"""`wherry compose config`: the files as they are understood, in one."""

from __future__ import annotations

import json
import sys

from wherry.cli.command import Command, Invocation
from wherry.cli.compose.opened import Opened, opened
from wherry.cli.format.listing import print_listing
from wherry.client.api import escape
from wherry.compose.body import labels_image
from wherry.compose.labels import config_hash
from wherry.compose.model import Project
from wherry.compose.plan import choose, order
from wherry.compose.rendering import as_yaml, leave_out_unused, rendered
from wherry.errors import Invalid, NotFound, Unsupported


def run(invocation: Invocation) -> int:
    flags, handle = invocation.flags, opened(invocation)
    for name in _REFUSED:
        if flags.on(name):
            raise Unsupported(f"--{name} is not supported")
    handle.raw, handle.unchecked = flags.on("no-interpolate"), flags.on("no-consistency")
    project = handle.project
    if flags.on("quiet"):
        return 0
    choose(project, invocation.arguments)
    if invocation.arguments:
        keep = set(order(project, invocation.arguments))
        project.services = {name: one for name, one in project.services.items() if name in keep}
    if not handle.all_resources:
        leave_out_unused(project)
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
    elif flags.on("models"):
        lines = []  # files with models are refused
    elif flags.on("images"):
        lines = [labels_image(service, project) for service in project.services.values()]
    elif flags.on("environment"):
        lines = [f"{name}={value}" for name, value in sorted(project.variables.items())]
    elif flags.on("variables"):
        _print_variables(project)
        return 0
    elif flags.given("hash"):
        wanted = flags.text("hash")
        names = sorted(project.services) if wanted == "*" else wanted.split(",")
        for name in names:
            if name not in project.services:
                raise NotFound(f"no such service: {name}")
        lines = [f"{name} {config_hash(project.services[name])}" for name in names]
    if lines is not None:
        for line in lines:
            print(line)
        return 0
    if flags.on("resolve-image-digests") or flags.on("lock-image-digests"):
        _pin(handle, project)
    document = rendered(project, escaped=not handle.raw)
    if flags.on("lock-image-digests"):
        images = {name: one.image for name, one in project.services.items() if one.image}
        document = {"services": {name: {"image": image} for name, image in images.items()}}
    form = flags.text("format", "yaml")
    if form not in ("yaml", "json"):
        raise Invalid(f"unsupported format {form!r}", hint="yaml or json")
    text = as_yaml(document) if form == "yaml" else json.dumps(document, indent=2) + "\n"
    if flags.given("output"):
        try:
            with open(flags.text("output"), "w", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise Invalid(f"open {flags.text('output')}: {(error.strerror or '').lower()}") from None
    else:
        sys.stdout.write(text)
    return 0


def _print_variables(project: Project) -> None:
    rows = [
        {
            "Name": one.name,
            "Required": str(one.required).lower(),
            "Default": one.default,
            "Alternate": one.other,
        }
        for one in project.mentioned
    ]
    columns = (
        *(("NAME", "Name"), ("REQUIRED", "Required")),
        *(("DEFAULT VALUE", "Default"), ("ALTERNATE VALUE", "Alternate")),
    )
    print_listing(rows, columns, "")


def _pin(handle: Opened, project: Project) -> None:
    """Put the digest that each image has in its registry behind its name."""
    for service in project.services.values():
        if not service.image or "@" in service.image:
            continue
        answer = handle.connections.client.get(f"/distribution/{escape(service.image)}/json")
        service.fields["image"] = f"{service.image}@{answer['Descriptor']['digest']}"


_REFUSED = ("no-env-resolution", "no-normalize", "no-path-resolution")

COMMAND = Command(
    run,
    usage="[OPTIONS] [SERVICE...]",
    maximum=None,
    flags=(
        ("quiet", "q", "bool", "Only check", ""),
        ("format", "", "text:FORMAT", "yaml or json (yaml)", ""),
        ("services", "", "bool", "Only the names of the services", ""),
        ("volumes", "", "bool", "Only the names of the volumes", ""),
        ("networks", "", "bool", "Only the names of the networks", ""),
        ("profiles", "", "bool", "Only the names of the profiles", ""),
        ("environment", "", "bool", "Only the variables that the files are read with", ""),
        ("variables", "", "bool", "Only the variables that the files name, with their defaults", ""),
        ("no-interpolate", "", "bool", "Leave variables as they are written", ""),
        ("resolve-image-digests", "", "bool", "Put the digest of each image behind its name", ""),
        ("lock-image-digests", "", "bool", "Only an override file with the digest of each image", ""),
        ("no-consistency", "", "bool", "Also what could not be brought up: undefined references, cycles", ""),
        *((name, "", "bool", "Refused", "") for name in _REFUSED),
        ("output", "o", "text:FILE", "Write to this file, not to standard output", ""),
        ("models", "", "bool", "Only the names of the models: none", ""),
        ("images", "", "bool", "Only the names of the images", ""),
        ("hash", "", "text:SERVICES", "The configuration's digest of each; * for all", ""),
    ),
)
