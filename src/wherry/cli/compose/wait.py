"""`wherry compose wait`: wait until a service has ended."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.compose.opened import opened


def run(invocation: Invocation) -> int:
    project = opened(invocation)
    code = 0
    for one in project.present(invocation.arguments):
        answer = project.connections.client.post(f"/containers/{one.id}/wait")
        print(answer["StatusCode"])
        code = code or int(answer["StatusCode"])
    return code


COMMAND = Command(run, usage="SERVICE [SERVICE...]", minimum=1, maximum=None)
