"""Help: the start page, a page a command, a page a group, and what to say to a word that is no command."""

from __future__ import annotations

import sys

from wherry import __version__
from wherry.cli.console import paint, width
from wherry.cli.failure import say
from wherry.cli.flags import UsageError, parse
from wherry.cli.tree import ALIASES, COMMANDS, GROUPS, HIDDEN, group_commands

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from wherry.cli.command import Command
    from wherry.cli.flags import Flag

SECTIONS = (
    ("Everyday", ["run", "exec", "ps", "logs", "stop", "rm", "images"]),
    (
        "Containers",
        [
            *("create", "start", "restart", "kill", "pause", "unpause", "attach", "wait", "top", "stats"),
            *("cp", "diff", "port", "inspect", "rename", "update", "commit", "export"),
        ],
    ),
    ("Applications", ["compose", "stack", "build", "builder"]),
    (
        "Images",
        [
            *("pull", "push", "import", "load", "save", "tag", "rmi", "history", "search", "manifest"),
            *("login", "logout", "registry"),
        ],
    ),
    ("Networks and volumes", ["network", "volume"]),
    (
        "Engine and machine",
        ["doctor", "engine", "context", "info", "version", "events", "system", "completion"],
    ),
    ("By kind", ["container", "image"]),
)
_NARROWEST, _WIDEST = 60, 110


def start_page() -> int:
    """What `wherry` alone shows: what it is, first steps, all commands."""
    print(f"{paint('wherry', 'bold')} {__version__} — containers with nothing to set up\n")
    print(paint("Try", "bold"))
    for line, what in (
        ("wherry run hello", "see that everything works"),
        ("wherry run --rm -it host bash", "a throw-away copy of this machine's own userland"),
        ("wherry run --rm -v .:/src -w /src host python3 -V", "this folder inside it"),
        ("wherry doctor", "what this machine lacks, if anything"),
    ):
        print(f"  {paint(line, 'cyan'):<{_padding(line, 51)}}{what}")
    for title, names in SECTIONS:
        print(f"\n{paint(title, 'bold')}")
        for name in names:
            print(f"  {name:<12}{GROUPS.get(name) or COMMANDS[name][1]}")
    print("\nwherry COMMAND --help explains a command; -H ADDRESS before it chooses another engine.")
    return 0


def _padding(text: str, columns: int) -> int:
    """Columns to pad to when `text` is painted: escape codes count as letters but take no room."""
    return columns + len(paint(text, "cyan")) - len(text)


def usage_line(name: str) -> str:
    """The usage of a command, group or of wherry itself, and where to read more."""
    from wherry.cli.entry import load
    from wherry.cli.tree import resolve

    if not name:
        return "Usage:  wherry [OPTIONS] COMMAND [ARG...]\n\nRun 'wherry --help' for more information"
    found = resolve(name.split())[0]
    usage = f" {load(COMMANDS[found][0]).usage}".rstrip() if found else " COMMAND"
    return f"Usage:  wherry {name}{usage}\n\nRun 'wherry {name} --help' for more information"


def asks_for_help(command: Command, words: Sequence[str]) -> bool:
    """Whether `--help` among the words is meant for this command and not for one that it runs.

    `-h` asks for help too, unless the command has a flag of that letter.
    """
    table: list[Flag] = [*command.flags, ("help", "", "bool", "", "")]
    if not any(flag[1] == "h" for flag in command.flags):
        table[-1] = ("help", "h", "bool", "", "")
    try:
        return parse(table, words, interspersed=command.interspersed)[0].on("help")
    except UsageError:
        return False


def command_page(command: Command, found: str, name: str) -> int:
    """Print the help page of one command."""
    usage = f" {command.usage}".rstrip()
    print(f"{paint('Usage:', 'bold')}  wherry {name}{usage}\n\n{COMMANDS[found][1]}")
    if command.details:
        print(f"\n{command.details}")
    others = _other_names(found, name)
    if others:
        print(f"\n{paint('Also called', 'bold')}  {', '.join(f'wherry {other}' for other in others)}")
    if command.examples:
        print(f"\n{paint('Examples', 'bold')}")
        for line, what in command.examples:
            print(f"  {paint('# ' + what, 'dim')}\n  wherry {line}")
    groups: dict[str, list[Flag]] = {}
    for flag in command.flags:
        groups.setdefault(flag[4] or "Options", []).append(flag)
    columns = max((len(_flag_column(flag)) for flag in command.flags), default=0)
    columns = min(columns, 34) + 2
    for title, flags in groups.items():
        print(f"\n{paint(title, 'bold')}")
        for flag in flags:
            _print_flag(flag, columns)
    return 0


def _other_names(found: str, name: str) -> list[str]:
    names = [found, *(alias for alias, target in ALIASES.items() if target == found)]
    for group in GROUPS:
        names += [f"{group} {typed}" for typed, target in group_commands(group).items() if target == found]
    return sorted({other for other in names if other != name})


def _flag_column(flag: Flag) -> str:
    name, short, kind = flag[:3]
    word = kind.partition(":")[2] or ("N" if kind in ("int", "uint16") else "")
    letter = f"-{short}, " if short else "    "
    return f"{letter}--{name}{' ' + word if word else ''}"


def _print_flag(flag: Flag, columns: int) -> None:
    left = _flag_column(flag)
    room = max(_NARROWEST, min(_WIDEST, width())) - columns - 2
    lines = [""]
    for word in flag[3].split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > room:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    if len(left) >= columns:
        print(f"  {left}")
        left = ""
    for line in lines:
        print(f"  {left:<{columns}}{line}".rstrip())
        left = ""


def unresolved(name: str, rest: list[str]) -> int:
    """Answer a word that is no command, or a group without one."""
    if name in GROUPS:
        wrong = rest[0] if rest and rest[0][:1] != "-" else ""
        if not wrong:
            return _group_page(name)
        candidates, typed = list(group_commands(name)), f"{name} {wrong}"
    elif name in ("help", "--help"):
        if not rest:
            return start_page()
        from wherry.cli.entry import run

        return run([*rest, "--help"])
    else:
        wrong, typed = name, name
        candidates = [*(known for known in COMMANDS if " " not in known and known not in HIDDEN), *GROUPS]
    from wherry.cli.absent import INSTEAD
    from wherry.cli.suggest import nearest

    if wrong == typed and wrong in INSTEAD:
        say(f"wherry has no {wrong!r}", INSTEAD[wrong])
        return 1
    found = nearest(wrong, candidates)
    prefix = typed[: -len(wrong)]
    hint = f"did you mean 'wherry {prefix}{found}'?" if found else "`wherry` alone lists the commands"
    say(f"unknown command: wherry {typed}", hint)
    sys.stdout.flush()
    return 1


def _group_page(group: str) -> int:
    print(
        f"{paint('Usage:', 'bold')}  wherry {group} COMMAND\n\n{GROUPS[group]}\n\n{paint('Commands', 'bold')}"
    )
    for name, found in group_commands(group).items():
        print(f"  {name:<12}{COMMANDS[found][1]}")
    print(f"\nwherry {group} COMMAND --help explains a command.")
    return 0
