"""`wherry compose`: the flags before the verb, then the verb."""

from __future__ import annotations

import sys

from wherry.cli.command import Command, Invocation, invoke
from wherry.cli.flags import UsageError
from wherry.cli.tree import COMMANDS
from wherry.errors import Unsupported


def verbs() -> dict[str, str]:
    """Every verb with what it does in a line."""
    return {
        name.partition(" ")[2]: what for name, (_, what) in COMMANDS.items() if name.startswith("compose ")
    }


def find_packages() -> None:
    """The quick start script leaves out where packages are installed; reading files needs PyYAML."""
    if "site" not in sys.modules:
        import site

        site.main()


def run(invocation: Invocation) -> int:
    from wherry.cli.entry import load

    if not invocation.arguments:
        from wherry.cli.help import command_page

        return command_page(COMMAND, "compose", "compose")
    verb, *words = invocation.arguments
    name = f"compose {verb}"
    if name not in COMMANDS:
        from wherry.cli.suggest import nearest

        error = UsageError(f"unknown command: wherry {name}")
        if found := nearest(verb, list(verbs())):
            error.hint = f"did you mean 'wherry compose {found}'?"
        raise error
    if invocation.flags.on("compatibility"):
        raise Unsupported("--compatibility is not supported", hint="names have hyphens, as with Compose 2")
    find_packages()
    command = load(COMMANDS[name][0])
    if "--help" in words or "-h" in words:
        from wherry.cli.help import asks_for_help, command_page

        if asks_for_help(command, words):
            return command_page(command, name, name)
    from wherry.cli.compose.opened import ComposeInvocation, Opened

    def started(inner: Invocation) -> int:
        rehearsed = invocation.flags.on("dry-run") or inner.flags.on("dry-run")
        if rehearsed and verb in _NOT_REHEARSED:
            raise Unsupported(f"{verb} is not supported in dry-run mode")
        handed = ComposeInvocation(name, inner.flags, inner.arguments, inner.host)
        handed.opened = Opened(invocation.flags, invocation.host, rehearsed=rehearsed)
        try:
            return command.run(handed)
        finally:
            handed.opened.connections.close()

    return invoke(
        Command(
            started,
            usage=command.usage,
            flags=(*command.flags, _DRY_RUN),
            minimum=command.minimum,
            maximum=command.maximum,
            interspersed=command.interspersed,
        ),
        name,
        words,
        invocation.host,
    )


_DRY_RUN = ("dry-run", "", "bool", "Only tell what would be done", "")
_NOT_REHEARSED = ("attach", "exec", "run", "wait", "watch")


COMMAND = Command(
    run,
    usage="[OPTIONS] VERB [ARG...]",
    maximum=None,
    interspersed=False,
    flags=(
        ("file", "f", "list:FILE", "A compose file; more are laid over the first", ""),
        ("project-name", "p", "text:NAME", "The project's name (its folder's)", ""),
        ("profile", "", "list:NAME", "Also the services of this profile", ""),
        ("env-file", "", "list:FILE", "Variables for the files, in place of .env", ""),
        ("project-directory", "", "text:DIR", "Where relative paths begin", ""),
        _DRY_RUN,
        ("all-resources", "", "bool", "`config` also shows networks, volumes, … that no service names", ""),
        ("ansi", "", "text:WHEN", "Accepted for Docker's sake", ""),
        ("progress", "", "text:HOW", "auto, tty and plain: a line for each step; json; quiet", ""),
        ("compatibility", "", "bool", "Refused: names have hyphens, as with Compose 2", ""),
        ("parallel", "", "int", "Accepted for Docker's sake", ""),
    ),
    details="Verbs: attach, build, commit, config, cp, create, down, events, exec, export, images, kill,\n"
    "logs, ls, pause, port, ps, pull, push, restart, rm, run, scale, start, stats, stop, top, unpause, up,\n"
    "version, volumes, wait, watch. `wherry compose VERB --help` explains one.\n"
    "--dry-run also stands behind the verb. What would be built or pulled is taken to be there then.",
    examples=(
        ("compose up -d --wait", "everything, in the background, until it is healthy"),
        ("compose logs -f web", "what a service writes"),
        ("compose down -v", "away with it, and with its volumes"),
    ),
)
