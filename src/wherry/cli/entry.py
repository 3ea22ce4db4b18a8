"""Where `wherry` starts: the options before the command, the command's module, errors as exit codes.

This file and what it imports is paid by every command; tests/architecture/test_start_path.py has the list.
"""

from __future__ import annotations

import os
import sys
from _io import TextIOWrapper

from wherry.errors import WherryError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wherry.cli.command import Command

INTERRUPTED = 130  # as shells report an end by SIGINT
BROKEN_PIPE = 141  # and by SIGPIPE


def main() -> int:
    """Run the command line of this process, and end it without the interpreter's own tidying up (2 ms)."""
    for stream in (sys.stdout, sys.stderr):
        # Names may hold bytes of no encoding, and a terminal's encoding may lack what help pages hold.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="surrogateescape" if stream.encoding == "utf-8" else "replace")
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        code = code or BROKEN_PIPE
    os._exit(code)


def run(words: list[str]) -> int:
    """Run one command line, without the program's name; return its exit code. Prints errors, raises none."""
    name = host = ""
    try:
        if not words or words[0][:1] == "-":
            from wherry.cli.globals import global_options

            host, words = global_options(words)
        if not words:
            from wherry.cli.help import start_page

            return start_page()
        from wherry.cli.tree import COMMANDS, resolve

        found, name, rest = resolve(words)
        if not found:
            from wherry.cli.help import unresolved

            return unresolved(name, rest)
        command = load(COMMANDS[found][0])
        if "--help" in rest or "-h" in rest:
            from wherry.cli.help import asks_for_help, command_page

            if asks_for_help(command, rest):
                return command_page(command, found, name)
        from wherry.cli.command import invoke

        return invoke(command, name, rest, host)
    except WherryError as error:
        from wherry.cli.failure import report

        return report(error, name, host)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has left; what is still buffered goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return BROKEN_PIPE
    except Exception as error:
        from wherry.cli.failure import report_fault

        return report_fault(error, name)


def load(module: str) -> Command:
    """The command that a module of the table declares."""
    full = f"wherry.cli.{module}"
    __import__(full)
    command: Command = sys.modules[full].COMMAND
    return command
