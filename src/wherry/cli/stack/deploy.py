"""`wherry stack deploy`: bring a stack to the state that its compose files describe."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.stack.project import compose
from wherry.errors import Invalid


def run(invocation: Invocation) -> int:
    flags = invocation.flags
    files = flags.every("compose-file")
    if not files:
        raise Invalid("please specify a Compose file", hint="-c compose.yaml")
    words = ["-d"]
    if flags.on("prune"):
        words.append("--remove-orphans")
    if flags.text("resolve-image") == "always":
        words += ["--pull", "always"]
    return compose(invocation, invocation.arguments[0], "up", *words, files=files)


COMMAND = Command(
    run,
    usage="[OPTIONS] STACK",
    minimum=1,
    maximum=1,
    flags=(
        ("compose-file", "c", "strings:FILE", "A compose file; more are laid over the first", ""),
        ("prune", "", "bool", "Remove the containers of services that are not in the files", ""),
        (
            "resolve-image",
            "",
            "text:WHEN",
            "always: pull images anew; changed and never: only missing ones",
            "",
        ),
        ("detach", "d", "bool", "Accepted: it always returns when the containers run", ""),
        ("quiet", "q", "bool", "Accepted for Docker's sake", ""),
        ("with-registry-auth", "", "bool", "Accepted: there is no other machine to send logins to", ""),
    ),
    details="""\
A stack is a project of `wherry compose` on this machine, and no swarm is needed: `deploy.replicas` are so
many containers, which share the work by the service's name. Names are Compose's (shop-web-1). Services are
not spread over machines, rolled back, or updated a few at a time.""",
    examples=(("stack deploy -c compose.yaml shop", "again after a change: only what changed is made anew"),),
)
