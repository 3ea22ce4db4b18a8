"""Cgroups of version 2: one directory, below parents that hand their controllers down."""

from __future__ import annotations

import errno
import os
from typing import Any

from wherry.errors import Invalid
from wherry.linux.cgroups import device_program, devices, files, settings_v2
from wherry.linux.cgroups.cgroup import Cgroup
from wherry.linux.cgroups.hierarchies import Hierarchies
from wherry.linux.cgroups.settings import DEVICES
from wherry.linux.cgroups.stats_v2 import stats
from wherry.linux.cgroups.unified import freeze, kill
from wherry.linux.syscalls import INT, STRING, UINT, function

# what a parent hands down; the rest has no limits that a container is given
WANTED = ("cpu", "memory", "pids", "io", "cpuset", "hugetlb", "rdma")

_IN_MODIFY = 2
_IN_CLOEXEC, _IN_NONBLOCK = 0o2000000, 0o4000

_inotify_init = function("inotify_init1", INT)
_inotify_add = function("inotify_add_watch", INT, STRING, UINT)


class UnifiedCgroup(Cgroup):
    """See `Cgroup`."""

    def __init__(self, path: str, hierarchies: Hierarchies) -> None:
        super().__init__(path)
        self._top = hierarchies.unified
        self._directory = f"{hierarchies.unified}/{path}"
        self._there = False

    @property
    def directories(self) -> list[str]:
        return [self._directory] if self._there else []

    def create(self, resources: dict[str, Any]) -> None:
        """Make the directory and set the limits. Cleans up after itself when it raises."""
        parent = os.path.dirname(self._directory)
        try:
            _prepare(parent, self._top)
            try:
                os.mkdir(self._directory, 0o755)
            except FileExistsError:
                if files.table(f"{self._directory}/cgroup.events").get("populated"):
                    raise
            self._there = True
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise
        try:
            self.update(resources)
        except BaseException:
            self.delete()
            raise

    def find(self) -> bool:
        """Take up a directory that exists; whether it does."""
        self._there = os.path.isdir(self._directory)
        return self._there

    def update(self, resources: dict[str, Any]) -> list[str]:
        plan = settings_v2.plan(resources)
        self._check_memory(resources.get("memory") or {})
        place = {setting.controller: self._directory for setting in plan if setting.controller}
        warnings = self._carry_out(plan, place if self._there else {})
        rules = devices.rules(resources.get("devices"))
        if not devices.unrestricted(rules):
            try:
                if not self._there:
                    raise PermissionError(errno.EPERM, "no cgroup", self.path)
                device_program.attach(self._directory, device_program.compile(rules))
            except OSError:
                warnings.append(DEVICES)
                self._remember([DEVICES])
        return warnings

    def _check_memory(self, memory: dict[str, Any]) -> None:
        """Where asked to, refuse a limit below what is used, for which processes would be killed."""
        used = files.number(f"{self._directory}/memory.current") if self._there else None
        if memory.get("checkBeforeUpdate") and used is not None and 0 < (memory.get("limit") or 0) < used:
            raise Invalid(f"a memory limit of {memory['limit']} bytes is below the {used} bytes in use")

    def stats(self) -> dict[str, Any]:
        return stats(self._directory) if self._there else {"cpu_stats": {}}

    def freeze(self) -> None:
        if not self._there:
            raise OSError(errno.EOPNOTSUPP, "no cgroup to freeze", self.path)
        freeze(self._directory)

    def thaw(self) -> None:
        if self._there:
            files.write(f"{self._directory}/cgroup.freeze", "0")

    def frozen(self) -> bool:
        return self._there and files.read_or(f"{self._directory}/cgroup.freeze").strip() == "1"

    def oom_count(self) -> int:
        return files.table(f"{self._directory}/memory.events").get("oom_kill", 0) if self._there else 0

    def oom_fd(self) -> int:
        events = f"{self._directory}/memory.events"
        watch = _inotify_init(_IN_CLOEXEC | _IN_NONBLOCK)
        try:
            _inotify_add(watch, os.fsencode(events), _IN_MODIFY)
        except OSError as error:
            os.close(watch)
            error.filename = events
            raise
        return watch

    def _kill_at_once(self) -> bool:
        return not self._there or kill(self._directory)

    def _listing(self) -> str:
        return self._directory if self._there else ""


def _prepare(directory: str, top: str) -> None:
    """See that a directory is there and hands its controllers down to its children."""
    if len(directory) > len(top):
        if not os.path.isdir(directory):
            _prepare(os.path.dirname(directory), top)
            try:
                os.mkdir(directory, 0o755)
            except FileExistsError:
                pass
        elif _lacking(directory):
            # the parents may not hand down yet what is wanted here
            _prepare(os.path.dirname(directory), top)
    hand_down(directory)


def _lacking(directory: str) -> bool:
    """Whether a wanted controller doesn't reach the children of a directory, though the machine has it."""
    down = files.read_or(f"{directory}/cgroup.subtree_control").split()
    return any(name not in down for name in WANTED)


def hand_down(directory: str) -> None:
    """Let the children of a cgroup have its controllers, those that it may hand down."""
    there = files.read_or(f"{directory}/cgroup.controllers").split()
    down = files.read_or(f"{directory}/cgroup.subtree_control").split()
    missing = [name for name in WANTED if name in there and name not in down]
    if not missing:
        return
    control = f"{directory}/cgroup.subtree_control"
    try:
        files.write(control, " ".join(f"+{name}" for name in missing))
    except OSError:
        # one that can't be had keeps the others back
        for name in missing:
            try:
                files.write(control, f"+{name}")
            except OSError:
                pass
