"""`wherry exec`: run a command in a container that is running."""

from __future__ import annotations

import os

from wherry.cli.command import Command, Invocation
from wherry.errors import WherryError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_FLAGS = (
    ("interactive", "i", "bool", "Pass standard input on to it", ""),
    ("tty", "t", "bool", "Give the command a terminal", ""),
    ("detach", "d", "bool", "Run it in the background", ""),
    ("env", "e", "list:NAME=VALUE", "Set a variable", ""),
    ("env-file", "", "list:FILE", "Set variables from a file of NAME=VALUE lines", ""),
    ("user", "u", "text:USER", "Run as this user: name or id, optionally :GROUP", ""),
    ("workdir", "w", "text:DIR", "Start in this folder", ""),
    ("privileged", "", "bool", "Give up most of the confinement for this command", ""),
    ("detach-keys", "", "text:KEYS", "Keys that leave the command running (ctrl-p,ctrl-q)", ""),
)


def run(invocation: Invocation) -> int:
    flags, client = invocation.flags, invocation.client
    name, *command = invocation.arguments
    tty, background = flags.on("tty"), flags.on("detach")
    stdin = flags.on("interactive") and not background
    if not background:
        from wherry.cli.container.attachment import require_terminal

        require_terminal(tty, stdin)
    body: dict[str, Any] = {"Cmd": command, "Tty": tty, "AttachStdin": stdin}
    body["AttachStdout"] = body["AttachStderr"] = not background
    for flag, field in (("user", "User"), ("workdir", "WorkingDir"), ("detach-keys", "DetachKeys")):
        if flags.given(flag):
            body[field] = flags.text(flag)
    if flags.on("privileged"):
        body["Privileged"] = True
    if flags.given("env", "env-file"):
        from wherry.cli.options.environment import environment

        body["Env"] = environment(flags)
    console = None
    if tty:
        from wherry.cli.container.terminal import size

        console = size()
        if console is not None:
            body["ConsoleSize"] = list(console)
    identity = client.post(f"/containers/{name}/exec", body)["Id"]
    start: dict[str, Any] = {"Detach": background, "Tty": tty}
    if console is not None:
        start["ConsoleSize"] = list(console)
    try:
        if background:
            client.post(f"/exec/{identity}/start", start)
            return 0
        return _attached(invocation, identity, start, stdin)
    except WherryError as error:
        from wherry.cli.container.run import start_failure_code
        from wherry.cli.failure import report

        code = start_failure_code(error.message)
        return report(error, invocation.name, invocation.host, code=code if code != 125 else 1)


def _attached(invocation: Invocation, identity: str, start: dict[str, Any], stdin: bool) -> int:
    from wherry.cli.container.attachment import UPGRADE
    from wherry.cli.container.pump import pump

    client, tty = invocation.client, start["Tty"]
    stream, left = client.begin("POST", f"/exec/{identity}/start", start, headers=UPGRADE).upgraded()
    if not tty:
        detached = pump(stream, left, raw=False, stdin=stdin)
    else:
        from wherry.cli.container.detach import KeyWatch, parse_keys
        from wherry.cli.container.signals import Resizing
        from wherry.cli.container.terminal import RawMode

        keys = KeyWatch(parse_keys(invocation.flags.text("detach-keys"))) if stdin and os.isatty(0) else None
        with Resizing(client, f"/exec/{identity}/resize"), RawMode(active=stdin):
            detached = pump(stream, left, raw=True, stdin=stdin, keys=keys)
    if detached:
        return 0
    return int(client.get(f"/exec/{identity}/json").get("ExitCode") or 0)


COMMAND = Command(
    run,
    usage="[OPTIONS] CONTAINER COMMAND [ARG...]",
    flags=_FLAGS,
    minimum=2,
    maximum=None,
    interspersed=False,
    details="It ends with the command's exit code: 126 when it can't be run, 127 when there is none.",
    examples=(
        ("exec -it web sh", "a shell beside what runs there"),
        ("exec web cat /etc/hosts", "one command"),
        ("exec -i db psql < dump.sql", "with input from here"),
    ),
)
