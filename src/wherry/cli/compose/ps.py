"""`wherry compose ps`: the containers of a project."""

from __future__ import annotations

import re

from wherry.cli.command import Command, Invocation
from wherry.cli.compose.opened import opened
from wherry.cli.container.row import HEADINGS, container_row
from wherry.cli.format.listing import print_listing
from wherry.client.codec import encode
from wherry.compose.present import Present

_COLUMNS = (
    *(("NAME", "Name"), ("IMAGE", "Image"), ("COMMAND", "Command"), ("SERVICE", "Service")),
    *(("CREATED", "RunningFor"), ("STATUS", "Status"), ("PORTS", "Ports")),
)


def run(invocation: Invocation) -> int:
    flags, project = invocation.flags, opened(invocation)
    present = project.present(invocation.arguments, one_off=None if flags.on("all") else False)
    if not flags.on("orphans", True) and not project.files_missing():
        known = {*project.project.services, *project.project.others}
        present = [one for one in present if one.service in known]
    states = [*flags.every("status")]
    for text in flags.every("filter"):
        name, _, value = text.partition("=")
        states += [value] if name == "status" else []
    if states:
        present = [one for one in present if one.state in states]
    elif not flags.on("all"):
        present = [one for one in present if one.state not in ("exited", "created", "dead")]
    if flags.on("services"):
        for name in dict.fromkeys(one.service for one in present):
            print(name)
        return 0
    if flags.on("quiet"):
        for one in present:
            print(one.id)
        return 0
    if flags.text("format") == "json":
        for one in present:
            print(encode(_as_json(one, project.name)).decode())
        return 0
    rows = [
        {
            **container_row(one.entry, truncate=not flags.on("no-trunc")),
            "Name": one.name,
            "Service": one.service,
            "Project": project.name,
        }
        for one in present
    ]
    print_listing(rows, _COLUMNS, flags.text("format"), headings={**HEADINGS, "Project": "PROJECT"})
    return 0


def _as_json(one: Present, project: str) -> dict[str, object]:
    """One container as `docker compose ps --format json` says it."""
    entry = one.entry
    row = container_row(entry, truncate=False)
    publishers = [
        {
            "URL": port.get("IP", ""),
            "TargetPort": port["PrivatePort"],
            "PublishedPort": port.get("PublicPort", 0),
            "Protocol": port.get("Type", ""),
        }
        for port in entry.get("Ports") or ()
    ]
    status = str(entry.get("Status", ""))
    health = next((word for word in ("unhealthy", "healthy", "starting") if f"{word}" in status), "")
    code = re.match(r"Exited \((\d+)\)", status)
    plain = {key: value for key, value in row.items() if isinstance(value, (str, int, bool))}
    return plain | {
        "ID": one.id,
        "Name": one.name,
        "Names": one.name,
        "Service": one.service,
        "Project": project,
        "State": one.state,
        "Health": health,
        "ExitCode": int(code[1]) if code else 0,
        "Publishers": publishers,
        "Labels": ",".join(f"{key}={value}" for key, value in (entry.get("Labels") or {}).items()),
    }


COMMAND = Command(
    run,
    usage="[OPTIONS] [SERVICE...]",
    maximum=None,
    flags=(
        ("all", "a", "bool", "Also those that do not run, and those of `run`", ""),
        ("quiet", "q", "bool", "Only ids", ""),
        ("services", "", "bool", "Only the names of the services", ""),
        ("status", "", "list:STATUS", "Only those in this state: running, exited, paused, …", ""),
        ("filter", "", "list:NAME=VALUE", "status=STATUS", ""),
        ("format", "", "text:FORMAT", "table, json, or a template", ""),
        ("orphans", "", "bool", "Also of services that are not in the files (default true)", ""),
        ("no-trunc", "", "bool", "Nothing cut short", ""),
    ),
)
