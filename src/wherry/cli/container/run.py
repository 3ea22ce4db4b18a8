"""`wherry run`: make a container, start it, and stay with it until it ends, or leave it in the background."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.container.create_flags import CREATE_FLAGS
from wherry.cli.container.making import make_container
from wherry.errors import WherryError

_FLAGS = (
    ("detach", "d", "bool", "Run in the background; print the container's id", "Common"),
    ("rm", "", "bool", "Remove the container when it ends", "Common"),
    *CREATE_FLAGS,
    ("sig-proxy", "", "bool", "Pass signals on to the process (default true)", "Process"),
    ("detach-keys", "", "text:KEYS", "Keys that leave the container running (ctrl-p,ctrl-q)", "Process"),
)


def run(invocation: Invocation) -> int:
    try:
        return _run(invocation)
    except WherryError as error:
        from wherry.cli.failure import report

        return report(error, invocation.name, invocation.host, code=start_failure_code(error.message))


def start_failure_code(message: str) -> int:
    """126 when the command can't be run, 127 when it can't be found, else 125: as Docker tells them apart."""
    if any(
        sign in message
        for sign in (
            "executable file not found",
            "no such file or directory",
            "cannot find the file specified",
        )
    ):
        return 127
    if any(sign in message for sign in ("permission denied", "is a directory", "exec format error")):
        return 126
    return 125


def _run(invocation: Invocation) -> int:
    flags = invocation.flags
    tty, background = flags.on("tty"), flags.on("detach")
    console = None
    if tty:
        from wherry.cli.container.terminal import size

        console = size()
    if not background:
        from wherry.cli.container.attachment import Attachment, require_terminal

        require_terminal(tty, flags.on("interactive"))
    if flags.given("detach-keys"):
        from wherry.cli.container.detach import parse_keys

        parse_keys(flags.text("detach-keys"))
    container, body = make_container(invocation, console=console)
    client = invocation.client
    start = f"/containers/{container}/start"
    if background:
        client.post(start)
        print(container)
        return 0
    attachment = Attachment(
        client,
        container,
        tty=tty,
        stdin=body["AttachStdin"] and body.get("OpenStdin", False),
        stdout=body["AttachStdout"],
        stderr=body["AttachStderr"],
        detach_keys=flags.text("detach-keys"),
        proxy=flags.on("sig-proxy", True),
    )
    attachment.open(removed=flags.on("rm"), start_follows=True)
    try:
        client.post(start)
    except WherryError:
        attachment.abandon(3.0 if flags.on("rm") else None)
        raise
    except KeyboardInterrupt:
        if flags.on("rm"):
            client.close()  # an answer may still be on its way there
            client.delete(f"/containers/{container}?force=1&v=1")
        raise
    if attachment.carry():
        return 0
    return attachment.exit_code()


_DETAILS = """\
The command line stays with the container, passes signals and input on to it, and ends with its exit
code: 125 when the container could not be made, 126 when its command can't be run, 127 when there is
no such command. With -d it runs in the background."""

COMMAND = Command(
    run,
    usage="[OPTIONS] IMAGE [COMMAND] [ARG...]",
    flags=_FLAGS,
    minimum=1,
    maximum=None,
    interspersed=False,
    details=_DETAILS,
    examples=(
        ("run hello", "does everything work?"),
        ("run --rm -it host bash", "a shell in a throw-away copy of this machine's userland"),
        ("run --rm -v .:/src -w /src host python3 -V", "a command on this folder"),
        ("run -d --name web -p 8080:80 nginx", "a service in the background"),
        ("run --rm -m 256m --cpus 1 host make", "with limits"),
    ),
)
