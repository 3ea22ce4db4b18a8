"""All processes that this supervisor holds, and what they share."""

from __future__ import annotations

import os
from collections.abc import Callable

from wherry.errors import Conflict, NotFound, WherryError
from wherry.linux import cgroups
from wherry.supervisor import streams
from wherry.supervisor.control_group import ControlGroup, forget, note_down
from wherry.supervisor.layout import Layout
from wherry.supervisor.loop import Loop
from wherry.supervisor.protocol import Message
from wherry.supervisor.supervised import Supervised

ENDED_EXECS = 100
"""Ended exec'd processes remembered for each container, for an engine that was away."""


class Table:
    """Processes by container and exec id, in the order in which they were made."""

    def __init__(
        self,
        loop: Loop,
        state_dir: str,
        run_dir: str,
        notify: Callable[[Message], None],
        forget: Callable[[str, str], None],
    ) -> None:
        """`notify` is given events; `forget` the name and the runtime of each container that has ended."""
        self.loop = loop
        self.state_dir = state_dir
        self.run_dir = run_dir
        self._notify = notify
        self._forget = forget
        self._processes: dict[tuple[str, str], Supervised] = {}
        self._leaving: set[ControlGroup] = set()
        self.launching = 0
        """Launches under way: they reap children that nobody here knows."""

    def layout(self, container: str, exec_id: str = "") -> Layout:
        """Raises Invalid for ids that can't be file names."""
        return Layout(self.state_dir, self.run_dir, container, exec_id)

    def new(self, container: str, exec_id: str = "") -> Supervised:
        """A new entry. Conflict when there is one already."""
        layout = self.layout(container, exec_id)
        if (container, exec_id) in self._processes:
            raise Conflict(f"{exec_id or container} is already supervised")
        process = Supervised(self.loop, layout, container, exec_id, self._notify)
        process.on_gone = lambda: self._gone(process)
        self._processes[container, exec_id] = process
        return process

    def get(self, container: str, exec_id: str = "") -> Supervised:
        """Raises NotFound."""
        try:
            return self._processes[container, exec_id]
        except KeyError:
            what = f"exec instance: {exec_id}" if exec_id else f"container: {container}"
            raise NotFound(f"No such {what}", hint="the supervisor does not hold it") from None

    def all(self) -> list[Supervised]:
        return list(self._processes.values())

    def of(self, container: str) -> list[Supervised]:
        """The container's own process and those exec'd in it."""
        return [process for key, process in self._processes.items() if key[0] == container]

    def make_group(self, process: Supervised, path: str, resources: Message) -> ControlGroup:
        """Make a container's control group. Raises what `cgroups.create` does."""
        note = process.layout.group
        note_down(note, path)
        try:
            cgroup = cgroups.create(path, resources)
        except BaseException:
            forget(note)
            raise
        return ControlGroup(self.loop, cgroup, self._leaving, process.out_of_memory, note)

    def find_group(self, process: Supervised, path: str) -> ControlGroup | None:
        """One that somebody else made; None when there is none."""
        note = process.layout.group
        try:
            cgroup = cgroups.open_existing(path)
        except WherryError:
            forget(note)
            return None
        note_down(note, path)
        return ControlGroup(self.loop, cgroup, self._leaving, process.out_of_memory, note)

    def clear(self) -> None:
        """Remove control groups and run directories of containers that are not here: a supervisor was killed
        in the middle of a launch or an end."""
        for folder in ("groups", "containers"):
            top = os.path.join(self.run_dir, folder)
            for container in os.listdir(top) if os.path.isdir(top) else ():
                if (container, "") in self._processes:
                    continue
                layout = self.layout(container)
                if folder == "containers":
                    remove_directory(layout.directory)
                    continue
                try:
                    cgroup = cgroups.open_existing(os.readlink(layout.group))
                except (OSError, WherryError):
                    forget(layout.group)
                    continue
                ControlGroup(self.loop, cgroup, self._leaving, lambda: None, layout.group).release()

    def empty(self) -> bool:
        """Whether nothing is left to do here: no process, no launch, no control group being removed."""
        return not self.alive() and not self.launching and not self._leaving

    def alive(self) -> list[Supervised]:
        return [process for process in self._processes.values() if process.status != "exited"]

    def remove(self, process: Supervised) -> None:
        """Let go of a process and its files."""
        self._processes.pop((process.container, process.exec_id), None)
        process.discard()
        if process.exec_id:
            streams.remove(process.layout.prefix)
        else:
            for other in self.of(process.container):
                self.remove(other)
            remove_directory(process.layout.directory)

    def end(self) -> None:
        """End the process as soon as nothing is left to do; replies have gone out by then."""
        self.loop.later(0.02, self.end)
        if self.empty():
            self.loop.stop()

    def _gone(self, process: Supervised) -> None:
        process.discard()
        if not process.exec_id:
            self._forget(process.container, str(process.settings["runtime"]))
            return
        streams.remove(process.layout.prefix)
        ended = [one for one in self.of(process.container) if one.exec_id and one.status == "exited"]
        for old in ended[:-ENDED_EXECS]:
            self.remove(old)


def remove_directory(path: str) -> None:
    """Remove a run directory with what is in it."""
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    remove_directory(entry.path)
                else:
                    os.unlink(entry.path)
        os.rmdir(path)
    except OSError:
        pass  # somebody else's, or gone
