"""`python -m wherry.runtime.command`: the same as `wherry-runtime`."""

from __future__ import annotations

import sys

from wherry.runtime.command.entry import main

if __name__ == "__main__":
    sys.exit(main())
