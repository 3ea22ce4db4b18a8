"""What translation has to know of the machine; looked up once, so that the rest is a pure function."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NamedTuple

from wherry.engine.spec.probe import hidden_sysctls
from wherry.linux import apparmor, capabilities, cgroups
from wherry.linux.cgroups.home import home
from wherry.linux.cgroups.support import Support, support


class Facts(NamedTuple):
    """`ids` is how many ids the engine's user namespace has (rootless), `capabilities` its bounding set."""

    machine: str
    kernel: tuple[int, int]
    rootless: bool
    ids: int
    capabilities: int
    known_capabilities: int
    apparmor: bool
    cgroup_version: int
    limits: Support
    first_open_port: int
    """Ports from here on can be bound by anyone on the machine's own network."""
    most_processes: int
    """The limit for a container that was given none."""
    oom_score: int
    """What the engine has, and its children with it."""
    hidden_sysctls: Callable[[tuple[str, ...]], frozenset[str]] = hidden_sysctls
    """Which network sysctls a network of a user namespace's own lacks; see `probe`."""


def look_up(*, rootless: bool) -> Facts:
    """Reads some twenty small files: 1 ms."""
    names = os.uname()
    major, minor = names.release.split(".")[:2]
    return Facts(
        machine=names.machine,
        kernel=(int(major), int("".join(letter for letter in minor if letter.isdigit()) or 0)),
        rootless=rootless,
        ids=_mapped_ids(),
        capabilities=capabilities.bounding(),
        known_capabilities=capabilities.known(),
        apparmor=not rootless and apparmor.enabled(),
        cgroup_version=cgroups.hierarchies().version,
        limits=support(below=home().path),
        first_open_port=_number("/proc/sys/net/ipv4/ip_unprivileged_port_start", 1024),
        most_processes=_most_processes(),
        oom_score=_number("/proc/self/oom_score_adj", 0),
    )


def _mapped_ids() -> int:
    with open("/proc/self/uid_map", encoding="ascii") as file:
        return sum(int(line.split()[2]) for line in file)


def _most_processes() -> int:
    """An eighth of what the machine can have: one that forks without end leaves room for the others."""
    threads = _number("/proc/sys/kernel/threads-max", 32768)
    numbers = _number("/proc/sys/kernel/pid_max", 32768)
    return max(min(threads, numbers) // 8, 1024)


def _number(path: str, default: int) -> int:
    try:
        with open(path, encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return default
