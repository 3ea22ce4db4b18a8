"""`wherry attach`: join a running container's input and output."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.errors import Conflict


def run(invocation: Invocation) -> int:
    from wherry.cli.container.attachment import Attachment, require_terminal

    flags = invocation.flags
    details = invocation.client.get(f"/containers/{invocation.arguments[0]}/json")
    state, config = details["State"], details["Config"]
    if not state.get("Running"):
        raise Conflict("cannot attach to a stopped container, start it first")
    if state.get("Paused"):
        raise Conflict("cannot attach to a paused container, unpause it first")
    if state.get("Restarting"):
        raise Conflict("cannot attach to a restarting container, wait until it is running")
    tty = bool(config.get("Tty"))
    stdin = not flags.on("no-stdin") and bool(config.get("OpenStdin"))
    require_terminal(tty, stdin)
    attachment = Attachment(
        invocation.client,
        details["Id"],
        tty=tty,
        stdin=stdin,
        detach_keys=flags.text("detach-keys"),
        proxy=flags.on("sig-proxy", True),
    )
    attachment.open(removed=False, start_follows=False)
    if attachment.carry():
        return 0
    return attachment.exit_code()


COMMAND = Command(
    run,
    usage="[OPTIONS] CONTAINER",
    minimum=1,
    maximum=1,
    flags=(
        ("no-stdin", "", "bool", "Do not pass standard input on", ""),
        ("detach-keys", "", "text:KEYS", "Keys that leave the container running (ctrl-p,ctrl-q)", ""),
        ("sig-proxy", "", "bool", "Pass signals on to the process (default true)", ""),
    ),
    details="Ctrl-P Ctrl-Q leaves a container with a terminal running.",
)
