"""`wherry compose wait`: wait until a service has ended."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.compose.opened import opened
from wherry.compose.removing import down


def run(invocation: Invocation) -> int:
    project = opened(invocation)
    code = 0
    for one in project.present(invocation.arguments):
        answer = project.connections.client.post(f"/containers/{one.id}/wait")
        print(answer["StatusCode"])
        code = code or int(answer["StatusCode"])
        if invocation.flags.on("down-project"):
            down(project.connections, project.name, project.say, hooks=project.hooks())
            break
    return code


COMMAND = Command(
    run,
    usage="[OPTIONS] SERVICE [SERVICE...]",
    minimum=1,
    maximum=None,
    flags=(("down-project", "", "bool", "Remove the project when the first has ended", ""),),
)
