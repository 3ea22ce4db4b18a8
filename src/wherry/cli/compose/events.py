"""`wherry compose events`: what happens to the containers of a project."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.compose.opened import opened
from wherry.cli.format.times import local, query_time
from wherry.client.api import query
from wherry.client.codec import encode
from wherry.compose import labels


def run(invocation: Invocation) -> int:
    project, flags = opened(invocation), invocation.flags
    filters = {"type": ["container"], "label": [f"{labels.PROJECT}={project.name}"]}
    path = "/events" + query(
        filters=filters, since=query_time(flags.text("since")), until=query_time(flags.text("until"))
    )
    for event in project.connections.client.stream("GET", path).documents():
        known = event["Actor"]["Attributes"]
        service = known.get(labels.SERVICE, "")
        if invocation.arguments and service not in invocation.arguments:
            continue
        plain = {name: text for name, text in known.items() if not name.startswith(labels.PREFIX)}
        if flags.on("json"):
            found = {"time": event["time"], "type": "container", "action": event["Action"]}
            found |= {"id": event["Actor"]["ID"], "service": service, "attributes": plain}
            print(encode(found).decode(), flush=True)
        else:
            listed = ", ".join(f"{name}={text}" for name, text in sorted(plain.items()))
            print(
                f"{local(event['time'])} container {event['Action']} {event['Actor']['ID']} ({listed})",
                flush=True,
            )
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS] [SERVICE...]",
    maximum=None,
    flags=(
        ("json", "", "bool", "One JSON document a line", ""),
        ("since", "", "text:TIME", "Also what has been, since then", ""),
        ("until", "", "text:TIME", "End then", ""),
    ),
)
