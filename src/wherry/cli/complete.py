"""What a half-typed command line may go on with: commands, flags, their values, names that the engine knows.

The shells' scripts call `wherry __complete WORD…` with the words so far, the last one being the one at the
cursor; each line of the answer is a candidate, a tab, and what it is. The engine is asked only when it is
there.
"""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.known import Names
from wherry.cli.tree import COMMANDS, GROUPS, HIDDEN, group_commands, resolve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from wherry.cli.flags import Flag
    from wherry.cli.known import Candidates


def run(invocation: Invocation) -> int:
    words = invocation.arguments or [""]
    for word, what in candidates(words[:-1], words[-1], invocation):
        if word.startswith(words[-1]):
            print(f"{word}\t{what}" if what else word)
    return 0


def candidates(before: Sequence[str], current: str, invocation: Invocation) -> Candidates:
    """What may stand at the cursor after the words `before`."""
    from wherry.cli.entry import load
    from wherry.cli.globals import GLOBAL_FLAGS

    before = _without_signs(before)
    while before and before[0].startswith("-"):
        flag = _flag(GLOBAL_FLAGS, before[0])
        value, before = before[0].partition("=")[2], before[1:]
        if flag is None or flag[2] == "bool":
            continue
        if not value and before:
            value, before = before[0], before[1:]
        if flag[0] == "host":
            invocation = Invocation(invocation.name, invocation.flags, invocation.arguments, value)
    if not before:
        return _flags(GLOBAL_FLAGS) if current.startswith("-") else _commands()
    found, _, rest = resolve(before)
    if not found:
        if before[0] in GROUPS and len(before) == 1:
            return [(name, COMMANDS[target][1]) for name, target in group_commands(before[0]).items()]
        return []
    if found == "compose":
        return _of_compose(rest, current, invocation)
    return _of_command(load(COMMANDS[found][0]), rest, current, Names(invocation, found))


def _of_compose(rest: list[str], current: str, invocation: Invocation) -> Candidates:
    """`wherry compose` has flags of its own before the verb, and the verb has others."""
    from wherry.cli.compose.entry import COMMAND, find_packages, verbs
    from wherry.cli.entry import load

    position = 0
    while position < len(rest) and rest[position].startswith("-"):
        flag = _flag(COMMAND.flags, rest[position])
        takes = flag is not None and flag[2] != "bool" and "=" not in rest[position]
        position += 2 if takes else 1
    if position > len(rest):
        return []  # the value of a flag: files, names
    if position == len(rest):
        return _flags(COMMAND.flags) if current.startswith("-") else list(verbs().items())
    found = f"compose {rest[position]}"
    if found not in COMMANDS:
        return []
    find_packages()
    names = Names(invocation, found, rest[:position])
    return _of_command(load(COMMANDS[found][0]), rest[position + 1 :], current, names)


def _without_signs(words: Sequence[str]) -> list[str]:
    """The words without a `=` after a flag: bash hands over `--flag=value` as three words."""
    return [word for i, word in enumerate(words) if not (word == "=" and i and words[i - 1].startswith("--"))]


def _commands() -> Candidates:
    names = [(name, what[1]) for name, what in COMMANDS.items() if " " not in name and name not in HIDDEN]
    return names + list(GROUPS.items())


def _of_command(command: Command, rest: list[str], current: str, names: Names) -> Candidates:
    count = 0
    waiting: Flag | None = None
    for word in rest:
        if waiting is not None:
            waiting = None
        elif word == "--" or (count and not command.interspersed):
            count += 1
        elif word.startswith("-") and word != "-":
            flag = _flag(command.flags, word)
            waiting = flag if flag is not None and flag[2] != "bool" and "=" not in word else None
        else:
            count += 1
    if waiting is not None:
        return names.of(waiting[2].partition(":")[2], waiting[0])
    if current.startswith("-") and (command.interspersed or not count):
        name, equals, _ = current.partition("=")
        flag = _flag(command.flags, name) if equals else None
        if flag is None:
            return [*_flags(command.flags), ("--help", "Show this command's help")]
        return [(f"{name}={word}", what) for word, what in names.of(flag[2].partition(":")[2], flag[0])]
    return names.of(_argument(command.usage, count), "")


def _argument(usage: str, index: int) -> str:
    """The word for the argument at `index` in a usage line such as `[OPTIONS] IMAGE [COMMAND] [ARG...]`."""
    words = [word.strip("[]") for word in usage.split() if word != "[OPTIONS]"]
    if not words:
        return ""
    word = words[min(index, len(words) - 1)]
    return word.removesuffix("...")


def _flag(table: Sequence[Flag], word: str) -> Flag | None:
    """The flag that a word such as `--name`, `-it` ends with."""
    name = word.partition("=")[0]
    if name.startswith("--"):
        return next((flag for flag in table if flag[0] == name[2:]), None)
    return next((flag for flag in table if flag[1] and flag[1] == name[-1:]), None)


def _flags(table: Sequence[Flag]) -> Candidates:
    return [(f"--{flag[0]}", flag[3]) for flag in table if flag[4] not in ("Accepted only", "Older names")]


COMMAND = Command(run, maximum=None, interspersed=False)
