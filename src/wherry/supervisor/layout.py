"""Where one supervised process has its files (see ARCHITECTURE.md, "State on disk")."""

from __future__ import annotations

import os

from wherry.errors import Invalid

_ALLOWED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")


class Layout:
    """Paths of a container's process (`exec_id` empty) or of one exec'd in it."""

    def __init__(self, state_dir: str, run_dir: str, container: str, exec_id: str = "") -> None:
        """Raises Invalid for an id that can't be a file's name."""
        for name in (container, exec_id or "x"):
            if not name or name[0] in ".-" or len(name) > 128 or not _ALLOWED.issuperset(name):
                raise Invalid(f"invalid id {name[:200]!r}")
        self.directory = os.path.join(run_dir, "containers", container)
        self.prefix = os.path.join(self.directory, f"exec-{exec_id}." if exec_id else "")
        """Before `stdin`, `stdout`, `stderr`, `terminal`."""
        self.record = self.prefix + "process.json"
        self.seccomp = self.prefix + "seccomp.json"
        self.spool = self.prefix + "spool"
        self.group = os.path.join(run_dir, "groups", container)
        """A link to "where" its control group is, while it is there."""
        self.kept = os.path.join(state_dir, "containers", container)
        """What outlives the process; made with it only: who takes it over may find the container removed."""
        self.log = os.path.join(self.kept, "container.log")
        self.exit = os.path.join(self.kept, "exit.json")
