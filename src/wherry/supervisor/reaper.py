"""Reaps orphans, which become the supervisor's children because it is a subreaper."""

from __future__ import annotations

import os

from wherry.supervisor.loop import Loop
from wherry.supervisor.table import Table

AGAIN = 0.05
"""Seconds until another look, when something else has to happen first."""


class Reaper:
    """Reaps what nobody else does. Supervised processes are left to their pidfds, launches to themselves."""

    def __init__(self, loop: Loop, table: Table) -> None:
        self._loop = loop
        self._table = table
        self._scheduled = False

    def reap(self) -> None:
        """Called after SIGCHLD. Does not block."""
        if self._table.launching:
            self._later()  # a launch waits for children of its own, which are not to be taken from it
            return
        known = {process.pid for process in self._table.alive()}
        while True:
            try:
                child = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if child is None:
                return
            if child.si_pid in known:
                self._later()  # the kernel shows one at a time, and there may be others behind it
                return
            os.waitid(os.P_PID, child.si_pid, os.WEXITED | os.WNOHANG)

    def _later(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.later(AGAIN, self._again)

    def _again(self) -> None:
        self._scheduled = False
        self.reap()
