"""A supervised container's control group: made with it, watched for want of memory, removed after it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from wherry.errors import WherryError
from wherry.linux import cgroups
from wherry.supervisor.loop import READABLE, Loop, report

PATIENCE = 40
"""How often removal is tried, at growing intervals, before it is left to the engine: some 20 seconds."""


class ControlGroup:
    """Owns the watch on a cgroup, and with `release` the cgroup itself. Never blocks for long.

    As long as it is there, a link `note` says where, for a supervisor that comes after this one's death.
    """

    def __init__(
        self,
        loop: Loop,
        cgroup: cgroups.Cgroup,
        leaving: set[ControlGroup],
        killed: Callable[[], None],
        note: str,
    ) -> None:
        """`killed` is called when the kernel has killed a process in it for want of memory.

        From `release` until it is removed (or given up) it is in `leaving`.
        """
        self.cgroup = cgroup
        self._note = note
        self._leaving = leaving
        self._loop = loop
        self._killed = killed
        self._seen = cgroup.oom_count()
        try:
            self._watched = cgroup.oom_fd()
        except OSError:
            self._watched = -1  # no memory controller here: nothing is killed for its limit
        else:
            os.set_blocking(self._watched, False)
            loop.watch(self._watched, READABLE, self._woken)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal to every process in it."""
        self.cgroup.kill(number)

    def oom_kills(self) -> int:
        """How many processes the kernel has killed in it for want of memory; new ones are told of first."""
        count = self.cgroup.oom_count()
        if count > self._seen:
            self._seen = count
            self._killed()
        return count

    def release(self) -> None:
        """Kill what is left in it and remove it; retried from timers while the kernel still holds it."""
        if self._watched >= 0:
            self._loop.unwatch(self._watched)
            os.close(self._watched)
            self._watched = -1
        self._leaving.add(self)
        self._remove(0)

    def _remove(self, tries: int) -> None:
        try:
            if not self.cgroup.pids():
                self.cgroup.delete()
                self._leaving.discard(self)
                forget(self._note)
                return
            self.cgroup.kill()
        except (OSError, WherryError) as error:
            if tries == PATIENCE:
                report(error)
        if tries < PATIENCE:
            self._loop.later(min(1.0, 0.002 * 2**tries), lambda: self._remove(tries + 1))
        else:
            self._leaving.discard(self)

    def _woken(self, events: int) -> None:
        try:
            os.read(self._watched, 4096)
        except BlockingIOError:
            pass
        if not self.oom_kills():
            # Version 1 tells of the want before the kill.
            self._loop.later(0.05, self.oom_kills)


def note_down(note: str, path: str) -> None:
    """Leave word of a cgroup that is about to be made at `path`."""
    forget(note)
    try:
        os.symlink(path, note)
    except FileNotFoundError:
        os.mkdir(os.path.dirname(note), 0o700)
        os.symlink(path, note)


def forget(note: str) -> None:
    """It is gone."""
    try:
        os.unlink(note)
    except FileNotFoundError:
        pass
