"""`python -m wherry.supervisor`: see `wherry.supervisor.process`."""

from __future__ import annotations

import sys

from wherry.linux import interpreter

if __name__ == "__main__":
    # Before anything else: no container may reach our own executable (it executes us once more).
    interpreter.protect()

    from wherry.supervisor.process import main

    sys.exit(main(sys.argv[1:]))
