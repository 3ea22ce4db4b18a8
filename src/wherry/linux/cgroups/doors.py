"""The ways into a cgroup for a process that is about to be born (clone(2), cgroups(7)).

Moving another process, or one with its threads, makes the kernel hold all forks and exits of the machine and
wait for an RCU grace period: 5 to 15 ms. That is spared to a process that is cloned into a version 2 cgroup
(Linux 5.7), and in version 1 to a thread that moves just itself (Linux 5.6).
"""

from __future__ import annotations

import os
from typing import NamedTuple


class Doors(NamedTuple):
    """Open descriptors, the holder's to close. One who may not write into a cgroup can't open them."""

    tree: int
    """The version 2 directory, for `CLONE_INTO_CGROUP`; -1 without one."""
    tasks: tuple[int, ...]
    """The `tasks` files of version 1."""

    def enter(self) -> None:
        """Put the calling process into the version 1 hierarchies. It has one thread; system calls only."""
        for descriptor in self.tasks:
            os.write(descriptor, b"0")

    def close(self) -> None:
        for descriptor in (self.tree, *self.tasks):
            if descriptor >= 0:
                os.close(descriptor)


def open_doors(directories: list[str]) -> Doors:
    """Those of a cgroup with these directories. Raises OSError; nothing stays open then."""
    tree, tasks = -1, []
    try:
        for directory in directories:
            try:
                tasks.append(os.open(f"{directory}/tasks", os.O_WRONLY | os.O_CLOEXEC))
            except FileNotFoundError:
                tree = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        Doors(tree, tuple(tasks)).close()
        raise
    return Doors(tree, tuple(tasks))
