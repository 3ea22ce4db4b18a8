"""A start script that is quicker than the one pip writes: `python -m wherry.cli.launcher FILE`.

pip's script imports `re` before anything of ours runs, and a virtual environment's `site` reads every
`.pth` file: 8 of the 20 ms of CPU that a command takes. The command line needs neither: this script starts
the interpreter isolated (`-I`, `-S`) and names the one directory that it imports from. The engine is
started with `site` as usual.
"""

from __future__ import annotations

import os
import sys

_LONGEST = 120  # bytes of a first line that every kernel reads whole
_BODY = """\
import sys
sys.path.append({folder!r})
from wherry.cli.entry import main
main()
"""


def script(interpreter: str, folder: str) -> str:
    """The text of a start script for an interpreter, with wherry imported from `folder`."""
    body = _BODY.format(folder=folder)
    if len(os.fsencode(interpreter)) < _LONGEST and not any(space in interpreter for space in " \t\n"):
        return f"#!{interpreter} -IS\n{body}"
    # A path that a first line can't hold: the shell reads the second line, Python takes it for a string.
    quoted = interpreter.replace("'", "'\"'\"'")
    return f"#!/bin/sh\n'''exec' '{quoted}' -IS \"$0\" \"$@\"\n' '''\n{body}"


def write(target: str) -> None:
    """Write the script for this interpreter and this installation to `target`, which is replaced at once."""
    folder = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    temporary = f"{target}.{os.getpid()}"
    with open(temporary, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(script(sys.executable, folder))
    os.chmod(temporary, 0o755)
    os.replace(temporary, target)


if __name__ == "__main__":
    write(sys.argv[1])
