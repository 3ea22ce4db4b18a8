"""`wherry compose restart`: stop containers and start them again."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.compose.changing import TIMEOUT, timeout
from wherry.cli.compose.opened import opened
from wherry.client.api import query
from wherry.compose.hooks import run_hooks
from wherry.compose.present import Present
from wherry.compose.removing import waves


def run(invocation: Invocation) -> int:
    project = opened(invocation)
    chosen = project.present(invocation.arguments)
    services = {} if project.files_missing() else project.project.services
    if invocation.arguments and not invocation.flags.on("no-deps"):
        # What wants to be restarted with one that it depends on.
        names = {one.service for one in chosen}
        for name, service in services.items():
            if any(one.restart and other in names for other, one in service.depends_on.items()):
                names.add(name)
        chosen = [one for one in project.present() if one.service in names]
    client = project.connections.client

    def again(one: Present) -> None:
        client.post(f"/containers/{one.id}/restart" + query(t=timeout(invocation)))
        fields = services[one.service].fields if one.service in services else {}
        run_hooks(client, one.id, one.name, "post_start", fields.get("post_start") or ())
        project.say(f"Container {one.name}", "Restarted")

    for wave in reversed(waves(chosen)):
        for one in wave:
            again(one)
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS] [SERVICE...]",
    maximum=None,
    flags=(TIMEOUT, ("no-deps", "", "bool", "Not those that want to be restarted with them", "")),
)
