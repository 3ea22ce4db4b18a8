"""The terminal or console of the person at the keyboard, as this machine has it."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    from wherry.cli.container.console_mode import RawMode as RawMode
    from wherry.cli.container.console_mode import size as size
else:
    from wherry.cli.container.tty_mode import RawMode as RawMode
    from wherry.cli.container.tty_mode import size as size
