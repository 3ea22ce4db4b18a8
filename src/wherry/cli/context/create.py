"""`wherry context create`: give an engine a name."""

from __future__ import annotations

import sys

from wherry.cli.command import Command, Invocation
from wherry.cli.context.endpoint import FLAGS, changed
from wherry.client import contexts
from wherry.client.contexts import Context
from wherry.errors import Conflict, Invalid


def run(invocation: Invocation) -> int:
    flags, name = invocation.flags, invocation.arguments[0]
    contexts.check_name(name)
    if name in contexts.names():
        raise Conflict(f'context "{name}" already exists')
    if flags.given("from"):
        context = contexts.read(flags.text("from"))._replace(name=name)
    elif flags.given("docker"):
        context = Context(name, "")
    else:
        raise Invalid(
            "docker endpoint configuration is required", hint="for example --docker host=ssh://user@machine"
        )
    context = changed(context, flags)
    if not context.host:
        context = context._replace(host=contexts.read(contexts.DEFAULT).host)
    contexts.write(context)
    print(name)
    print(f'Successfully created context "{name}"', file=sys.stderr)
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS] NAME",
    minimum=1,
    maximum=1,
    flags=(*FLAGS, ("from", "", "text:NAME", "Begin with what another one says", "")),
    details="""\
Contexts are kept where Docker keeps them (~/.docker/contexts): both tools have those that either makes.
Which one is in use is each tool's own affair.""",
    examples=(
        ("context create far --docker host=ssh://me@far.example", "an engine over ssh"),
        ("context create lab --docker host=tcp://lab:2376,ca=ca.pem,cert=cert.pem,key=key.pem", "over TLS"),
    ),
)
