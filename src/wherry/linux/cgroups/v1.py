"""Cgroups of version 1: a directory in each hierarchy that is needed, and in a version 2 tree beside.

A hierarchy costs a container about 0.13 ms over its life, so a new container gets those that everyone needs:
memory, pids and blkio (what it uses, and OOM), cpu (so that containers share fairly), and the version 2 tree
(or, without one, freezer and cpuacct). The others are joined when a limit asks for them.
"""

from __future__ import annotations

import errno
import os
import time
from typing import Any

from wherry.errors import Unavailable
from wherry.linux.cgroups import devices, files, settings_v1
from wherry.linux.cgroups.cgroup import Cgroup
from wherry.linux.cgroups.hierarchies import Hierarchies
from wherry.linux.cgroups.settings import DEVICES
from wherry.linux.cgroups.stats_v1 import stats
from wherry.linux.cgroups.unified import FREEZE_WITHIN, freeze, kill
from wherry.linux.syscalls import INT, UINT, function

_ALWAYS = ("memory", "pids", "cpu", "blkio")
_WITHOUT_UNIFIED = ("freezer", "cpuacct")

_UNIFIED = ""  # stands for the version 2 tree among the controllers

_EFD_CLOEXEC, _EFD_NONBLOCK = 0o2000000, 0o4000

_eventfd = function("eventfd", UINT, INT)


class LegacyCgroup(Cgroup):
    """See `Cgroup`."""

    def __init__(self, path: str, hierarchies: Hierarchies) -> None:
        super().__init__(path)
        self._hierarchies = hierarchies
        self._places: dict[str, str] = {}  # controller → directory, those that were made

    @property
    def directories(self) -> list[str]:
        return list(dict.fromkeys(self._places.values()))

    def create(self, resources: dict[str, Any]) -> None:
        """Make the directories and set the limits. Cleans up after itself when it raises."""
        try:
            if self._hierarchies.unified:
                self._make(_UNIFIED)
            for controller in _ALWAYS if self._hierarchies.unified else (*_ALWAYS, *_WITHOUT_UNIFIED):
                self._make(controller)
            self.update(resources)
        except BaseException:
            self.delete()
            raise

    def find(self) -> bool:
        """Take up directories that exist; whether there are any."""
        for controller, top in (*self._hierarchies.legacy.items(), (_UNIFIED, self._hierarchies.unified)):
            if top and os.path.isdir(f"{top}/{self.path}"):
                self._places[controller] = f"{top}/{self.path}"
        return bool(self._places)

    def update(self, resources: dict[str, Any]) -> list[str]:
        plan = settings_v1.plan(resources)
        rules = devices.rules(resources.get("devices"))
        wanted = {setting.controller for setting in plan if setting.controller}
        if not devices.unrestricted(rules):
            wanted.add("devices")
        for controller in sorted(wanted - self._places.keys()):
            if self._make(controller):
                self._move_all(controller)
        warnings = self._carry_out(plan, self._places)
        if "devices" in self._places:
            for file, line in devices.version_1(rules):
                files.write(f"{self._places['devices']}/{file}", line)
        elif not devices.unrestricted(rules):
            warnings.append(DEVICES)
            self._remember([DEVICES])
        return warnings

    def stats(self) -> dict[str, Any]:
        return stats(self._places)

    def freeze(self) -> None:
        unified = self._places.get(_UNIFIED)
        if unified:
            freeze(unified)
            return
        directory = self._freezer()
        until = time.monotonic() + FREEZE_WITHIN
        while True:
            # a task that was being forked may need it said again
            files.write(f"{directory}/freezer.state", "FROZEN")
            if files.read(f"{directory}/freezer.state").strip() == "FROZEN":
                return
            if time.monotonic() > until:
                files.write(f"{directory}/freezer.state", "THAWED")
                raise TimeoutError(errno.ETIMEDOUT, "processes don't freeze", directory)
            time.sleep(0.001)

    def thaw(self) -> None:
        if _UNIFIED in self._places:
            files.write(f"{self._places[_UNIFIED]}/cgroup.freeze", "0")
        elif "freezer" in self._places:
            files.write(f"{self._places['freezer']}/freezer.state", "THAWED")

    def frozen(self) -> bool:
        if _UNIFIED in self._places:
            return files.read_or(f"{self._places[_UNIFIED]}/cgroup.freeze").strip() == "1"
        if "freezer" in self._places:
            return files.read_or(f"{self._places['freezer']}/freezer.state").strip() != "THAWED"
        return False

    def oom_count(self) -> int:
        if "memory" not in self._places:
            return 0
        return files.table(f"{self._places['memory']}/memory.oom_control").get("oom_kill", 0)

    def oom_fd(self) -> int:
        if "memory" not in self._places:
            raise FileNotFoundError(errno.ENOENT, "no memory cgroup", self.path)
        directory = self._places["memory"]
        event = _eventfd(0, _EFD_CLOEXEC | _EFD_NONBLOCK)
        try:
            control = os.open(f"{directory}/memory.oom_control", os.O_RDONLY | os.O_CLOEXEC)
            try:
                files.write(f"{directory}/cgroup.event_control", f"{event} {control}")
            finally:
                os.close(control)
        except OSError:
            os.close(event)
            raise
        return event

    def _kill_at_once(self) -> bool:
        return _UNIFIED in self._places and kill(self._places[_UNIFIED])

    def _listing(self) -> str:
        for controller in (_UNIFIED, "pids", "freezer", "memory"):
            if controller in self._places:
                return self._places[controller]
        return next(iter(self._places.values()), "")

    def _freezer(self) -> str:
        if "freezer" not in self._places and self._make("freezer"):
            self._move_all("freezer")
        if "freezer" not in self._places:
            raise OSError(errno.EOPNOTSUPP, "no freezer cgroup", self.path)
        return self._places["freezer"]

    def _make(self, controller: str) -> bool:
        """Make the directory in a controller's hierarchy; False where there is none or it may not be."""
        if controller in self._places:
            return True
        hierarchies = self._hierarchies
        top = hierarchies.legacy.get(controller, "") if controller else hierarchies.unified
        if not top:
            return False
        directory = f"{top}/{self.path}"
        if directory not in self._places.values():
            try:
                _make_directory(directory, top, is_cpuset=controller == "cpuset")
            except OSError as error:
                if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
                    return False
                raise
        self._places[controller] = directory
        return True

    def _move_all(self, controller: str) -> None:
        """Bring a container that runs into a hierarchy that it didn't need before."""
        target = f"{self._places[controller]}/cgroup.procs"
        for _ in range(100):
            missing = set(self.pids()) - set(map(int, files.read(target).split()))
            if not missing:
                return
            for pid in missing:
                try:
                    files.write(target, str(pid))
                except ProcessLookupError:
                    pass
        raise Unavailable(f"the processes of cgroup {self.path} can't be moved: they start new ones too fast")


def _make_directory(directory: str, top: str, *, is_cpuset: bool) -> None:
    try:
        os.mkdir(directory, 0o755)
    except FileExistsError:
        if files.read_or(f"{directory}/cgroup.procs").strip():
            raise
    except FileNotFoundError:
        parent = os.path.dirname(directory)
        if len(parent) <= len(top):
            raise
        _make_directory_unless_there(parent, top, is_cpuset=is_cpuset)
        os.mkdir(directory, 0o755)
    if is_cpuset:
        _fill_cpuset(directory)


def _make_directory_unless_there(directory: str, top: str, *, is_cpuset: bool) -> None:
    if os.path.isdir(directory):
        return
    parent = os.path.dirname(directory)
    if len(parent) > len(top):
        _make_directory_unless_there(parent, top, is_cpuset=is_cpuset)
    try:
        os.mkdir(directory, 0o755)
    except FileExistsError:
        return
    if is_cpuset:
        _fill_cpuset(directory)


def _fill_cpuset(directory: str) -> None:
    """A new cpuset is empty, and nothing can be put into it before it has CPUs and memory nodes."""
    for name in ("cpuset.cpus", "cpuset.mems"):
        if not files.read(f"{directory}/{name}").strip():
            files.write(f"{directory}/{name}", files.read(f"{os.path.dirname(directory)}/{name}").strip())
