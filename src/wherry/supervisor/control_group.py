"""A supervised container's control group: made with it, watched for want of memory, removed after it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from wherry.errors import WherryError
from wherry.linux import cgroups
from wherry.supervisor.loop import READABLE, Loop, report

PATIENCE = 40
"""How often removal is tried, at growing intervals, before it is left to the engine: some 20 seconds."""


class ControlGroup:
    """Owns the watch on a cgroup, and with `release` the cgroup itself. Never blocks for long."""

    def __init__(self, loop: Loop, cgroup: cgroups.Cgroup, killed: Callable[[], None]) -> None:
        """`killed` is called when the kernel has killed a process in it for want of memory."""
        self.cgroup = cgroup
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

    @classmethod
    def make(
        cls, loop: Loop, path: str, resources: dict[str, Any], killed: Callable[[], None]
    ) -> ControlGroup:
        """Make the cgroup `path` with its limits. Raises what `cgroups.create` does."""
        return cls(loop, cgroups.create(path, resources), killed)

    @classmethod
    def find(cls, loop: Loop, path: str, killed: Callable[[], None]) -> ControlGroup | None:
        """One that a dead supervisor made; None when it is gone."""
        try:
            return cls(loop, cgroups.open_existing(path), killed)
        except WherryError:
            return None

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
        self._remove(0)

    def _remove(self, tries: int) -> None:
        try:
            if not self.cgroup.pids():
                self.cgroup.delete()
                return
            self.cgroup.kill()
        except (OSError, WherryError) as error:
            if tries == PATIENCE:
                report(error)
        if tries < PATIENCE:
            self._loop.later(min(1.0, 0.002 * 2**tries), lambda: self._remove(tries + 1))

    def _woken(self, events: int) -> None:
        try:
            os.read(self._watched, 4096)
        except BlockingIOError:
            pass
        if not self.oom_kills():
            # Version 1 tells of the want before the kill.
            self._loop.later(0.05, self.oom_kills)
