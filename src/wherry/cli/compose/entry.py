"""`wherry compose`: the flags before the verb, then the verb."""

from __future__ import annotations

import sys

from wherry.cli.command import Command, Invocation, invoke
from wherry.cli.flags import UsageError
from wherry.cli.tree import COMMANDS


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
    find_packages()
    command = load(COMMANDS[name][0])
    if "--help" in words or "-h" in words:
        from wherry.cli.help import asks_for_help, command_page

        if asks_for_help(command, words):
            return command_page(command, name, name)
    if invocation.flags.on("dry-run"):
        raise UsageError("--dry-run is not supported; `wherry compose config` shows what would be made")
    from wherry.cli.compose.opened import ComposeInvocation, Opened

    project = Opened(invocation.flags, invocation.host)

    def started(inner: Invocation) -> int:
        handed = ComposeInvocation(name, inner.flags, inner.arguments, inner.host)
        handed.opened = project
        return command.run(handed)

    try:
        return invoke(
            Command(
                started,
                usage=command.usage,
                flags=command.flags,
                minimum=command.minimum,
                maximum=command.maximum,
                interspersed=command.interspersed,
            ),
            name,
            words,
            invocation.host,
        )
    finally:
        project.connections.close()


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
        ("dry-run", "", "bool", "Refused: nothing can be tried without being done", ""),
        ("ansi", "", "text:WHEN", "Accepted for Docker's sake", ""),
        ("progress", "", "text:HOW", "Accepted for Docker's sake", ""),
        ("compatibility", "", "bool", "Accepted for Docker's sake", ""),
        ("parallel", "", "int", "Accepted for Docker's sake", ""),
    ),
    details="Verbs: attach, build, commit, config, cp, create, down, events, exec, export, images, kill,\n"
    "logs, ls, pause, port, ps, pull, push, restart, rm, run, scale, start, stats, stop, top, unpause, up,\n"
    "version, volumes, wait, watch. `wherry compose VERB --help` explains one.",
    examples=(
        ("compose up -d --wait", "everything, in the background, until it is healthy"),
        ("compose logs -f web", "what a service writes"),
        ("compose down -v", "away with it, and with its volumes"),
    ),
)
