"""`wherry start`: start containers; with -a or -i, stay with one of them."""

from __future__ import annotations

import sys

from wherry.cli.command import Command, Invocation
from wherry.cli.failure import complain, report
from wherry.client.api import query
from wherry.errors import Invalid, NotModified, Unsupported, WherryError


def run(invocation: Invocation) -> int:
    flags = invocation.flags
    if flags.given("checkpoint", "checkpoint-dir"):
        raise Unsupported("checkpoints are not in this version")
    if flags.on("attach") or flags.on("interactive"):
        if len(invocation.arguments) > 1:
            raise Invalid("you cannot start and attach multiple containers at once")
        return _start_attached(invocation, invocation.arguments[0])
    failed = []
    for name in invocation.arguments:
        try:
            _start(invocation, name)
            print(name)
            sys.stdout.flush()
        except WherryError as error:
            complain(error, invocation.client)
            failed.append(name)
    return 1 if failed else 0


def _start(invocation: Invocation, name: str) -> None:
    try:
        invocation.client.post(
            f"/containers/{name}/start" + query(detachKeys=invocation.flags.text("detach-keys"))
        )
    except NotModified:
        pass  # it runs already


def _start_attached(invocation: Invocation, name: str) -> int:
    from wherry.cli.container.attachment import Attachment, require_terminal
    from wherry.cli.container.run import start_failure_code

    flags = invocation.flags
    details = invocation.client.get(f"/containers/{name}/json")
    config = details["Config"]
    stdin = flags.on("interactive") and bool(config.get("OpenStdin"))
    require_terminal(bool(config.get("Tty")), stdin)
    attachment = Attachment(
        invocation.client,
        details["Id"],
        tty=bool(config.get("Tty")),
        stdin=stdin,
        detach_keys=flags.text("detach-keys"),
        proxy=flags.on("sig-proxy", True),
    )
    running = bool(details["State"].get("Running"))
    attachment.open(removed=bool(details["HostConfig"].get("AutoRemove")), start_follows=not running)
    try:
        _start(invocation, details["Id"])
    except WherryError as error:
        attachment.abandon()
        return report(error, invocation.name, invocation.host, code=start_failure_code(error.message))
    if attachment.carry():
        return 0
    return attachment.exit_code()


COMMAND = Command(
    run,
    usage="[OPTIONS] CONTAINER [CONTAINER...]",
    minimum=1,
    maximum=None,
    flags=(
        ("attach", "a", "bool", "Show its output, pass signals on, end with its exit code", ""),
        ("interactive", "i", "bool", "Pass standard input on to it as well", ""),
        ("detach-keys", "", "text:KEYS", "Keys that leave the container running (ctrl-p,ctrl-q)", ""),
        ("sig-proxy", "", "bool", "With -a: pass signals on (default true)", ""),
        ("checkpoint", "", "text:NAME", "Not in this version", ""),
        ("checkpoint-dir", "", "text:DIR", "Not in this version", ""),
    ),
    examples=(
        ("start web", "start it in the background"),
        ("start -ai shell", "and go on where it was left"),
    ),
)
