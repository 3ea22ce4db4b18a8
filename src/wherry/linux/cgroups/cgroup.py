"""A container's cgroup, whatever version the machine has: the interface, and what both versions share."""

from __future__ import annotations

import errno
import os
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from wherry.errors import Internal, Invalid
from wherry.linux.cgroups import files
from wherry.linux.cgroups.doors import Doors, open_doors
from wherry.linux.cgroups.settings import Setting

# what a file answers where a limit can't be had, as against a value that is wrong
_CANNOT = frozenset({errno.ENOENT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EOPNOTSUPP, errno.ENODEV})

_DELETE_WITHIN = 2.0  # seconds


class Cgroup(ABC):
    """The cgroup of one container. Made by `create` or found by `open_existing`; holds no descriptors.

    Not thread-safe. Where the machine gives no cgroup at all (rootless without delegation), it stands for
    nothing: limits become warnings, it is empty, and deleting it does nothing.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.warnings: list[str] = []  # limits not honoured so far, in Docker's words

    @property
    @abstractmethod
    def directories(self) -> list[str]:
        """Its directories, one for each hierarchy; a process has to be added to all of them."""

    @abstractmethod
    def update(self, resources: dict[str, Any]) -> list[str]:
        """Set the limits that `linux.resources` names, leave the others; returns warnings for this call.

        Raises Invalid for a value that the kernel refuses; limits before it then stand.
        """

    @abstractmethod
    def stats(self) -> dict[str, Any]:
        """What was used so far, shaped as in Docker's stats; what this machine doesn't count is left out."""

    @abstractmethod
    def freeze(self) -> None:
        """Stop all processes, those to come included; returns when they stand. Raises OSError."""

    @abstractmethod
    def thaw(self) -> None:
        """Let them go on; nothing to do if they run."""

    @abstractmethod
    def frozen(self) -> bool:
        """Whether `freeze` holds."""

    @abstractmethod
    def oom_count(self) -> int:
        """How many processes in it the kernel has killed for want of memory."""

    @abstractmethod
    def oom_fd(self) -> int:
        """A descriptor that becomes readable when that happens; the caller reads and closes it.

        It may also wake for other reasons (removal, a limit touched): ask `oom_count`. Raises OSError where
        there is no memory controller.
        """

    @abstractmethod
    def _kill_at_once(self) -> bool:
        """SIGKILL to all by one operation of the kernel; False if it has none."""

    @abstractmethod
    def _listing(self) -> str:
        """The directory whose lists of processes count; "" without any."""

    def doors(self) -> Doors:
        """What a process about to be born in it needs; the caller closes them. Raises OSError."""
        return open_doors(self.directories)

    def enter(self) -> None:
        """Put the calling process in. System calls only; before it enters a user namespace."""
        for directory in self.directories:
            files.write(f"{directory}/cgroup.procs", "0")

    def add(self, pid: int) -> None:
        """Put another process in; one that is no more is passed over. This takes 5 to 15 ms: see `doors`."""
        for directory in self.directories:
            try:
                files.write(f"{directory}/cgroup.procs", str(pid))
            except ProcessLookupError:
                return

    def pids(self) -> list[int]:
        """The processes in it and in cgroups below it."""
        found: list[int] = []
        listing = self._listing()
        for directory in _below(listing) if listing else ():
            found += map(int, files.read_or(f"{directory}/cgroup.procs").split())
        return found

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal to all processes in it; SIGKILL leaves none out, also of those being forked."""
        if number != signal.SIGKILL:
            _signal_all(self.pids(), number)
        elif not self._kill_at_once():
            self._kill_while_frozen()

    def _kill_while_frozen(self) -> None:
        """Without fork there is no escape: freeze, signal, thaw."""
        try:
            self.freeze()
        except OSError:
            # it can't be frozen: signal until no one is left, a forking process loses that race in the end
            for _ in range(100):
                pids = self.pids()
                if not pids:
                    return
                _signal_all(pids, signal.SIGKILL)
                time.sleep(0.001)
            return
        try:
            _signal_all(self.pids(), signal.SIGKILL)
        finally:
            self.thaw()

    def delete(self) -> None:
        """Remove it with all below it; again is harmless. Blocks until the kernel lets go of it.

        That takes microseconds after its last process was reaped. Raises Internal after two seconds.
        """
        until = time.monotonic() + _DELETE_WITHIN
        for directory in self.directories:
            pause = 0.0005
            while not _remove(directory):
                if time.monotonic() > until:
                    raise Internal(
                        f"cgroup {directory} can't be removed: processes are left in it",
                        hint=f"cat {directory}/cgroup.procs",
                    )
                time.sleep(pause)
                pause = min(pause * 2, 0.05)

    def _carry_out(self, plan: list[Setting], directory_of: dict[str, str]) -> list[str]:
        """Write what is planned. A value that depends on a later one (EINVAL) is tried again after it."""
        warnings: list[str] = []
        again: list[Setting] = []
        for setting in plan:
            try:
                _write(setting, directory_of, warnings)
            except OSError as error:
                if error.errno not in (errno.EINVAL, errno.EBUSY):
                    raise _refused(setting, error) from None
                again.append(setting)
        for setting in again:
            try:
                _write(setting, directory_of, warnings)
            except OSError as error:
                raise _refused(setting, error) from None
        self._remember(warnings)
        return warnings

    def _remember(self, warnings: list[str]) -> None:
        self.warnings += [warning for warning in warnings if warning not in self.warnings]


def _write(setting: Setting, directory_of: dict[str, str], warnings: list[str]) -> None:
    directory = directory_of.get(setting.controller)
    for file, value in setting.choices if directory else ():
        try:
            files.write(f"{directory}/{file}", value)
            return
        except OSError as error:
            if error.errno not in _CANNOT:
                raise
    if setting.warning not in warnings:
        warnings.append(setting.warning)


def _refused(setting: Setting, error: OSError) -> Invalid:
    file, value = setting.choices[0]
    return Invalid(f'the kernel refuses "{value}" for {file}: {error.strerror}')


def _signal_all(pids: list[int], number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def _below(directory: str) -> Iterator[str]:
    """A directory and those below it, children first."""
    try:
        with os.scandir(directory) as entries:
            children = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return
    for child in children:
        yield from _below(child)
    yield directory


def _remove(directory: str) -> bool:
    """Whether it is gone."""
    try:
        os.rmdir(directory)
        return True
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno not in (errno.EBUSY, errno.ENOTEMPTY):
            raise
    # busy with processes, or with cgroups that the container made
    for child in _below(directory):
        try:
            os.rmdir(child)
        except FileNotFoundError:
            pass
        except OSError:
            return False
    return True
