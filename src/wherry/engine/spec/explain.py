"""How a container is confined, in plain words: one line a wall, for people who want to know.

    user namespace   its own; root inside is user 1879048192 outside, who owns nothing on this machine
    system calls     the default filter; what an everyday program needs passes, the rest is refused
    …

Works from what is stored of a container, so it explains one that ran as well as one that runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from wherry.engine.models import Confinement, HostConfig
from wherry.engine.spec import modes, userns
from wherry.linux import capabilities


class Line(NamedTuple):
    wall: str
    words: str


_OWN = {
    "pid": ("processes", "sees its own only"),
    "ipc": ("shared memory", "its own"),
    "network": ("network", "its own"),
    "uts": ("host name", "its own"),
    "cgroup": ("control groups", "sees its own, and can't change it"),
}


def explain(confinement: Confinement, host: HostConfig) -> list[Line]:
    """The lines; the last ones, called "given up", say what it lacks of the default confinement."""
    lines = [
        Line("user namespace", _user_namespace(confinement)),
        Line("capabilities", _capabilities(confinement)),
        Line("system calls", _system_calls(confinement)),
        Line(
            "new privileges",
            "no program can gain any (no_new_privs)"
            if confinement.no_new_privileges
            else "set-user-id programs and file capabilities work",
        ),
    ]
    if confinement.apparmor:
        lines.append(Line("AppArmor", confinement.apparmor))
    lines += _namespaces(host)
    lines.append(Line("files", _files(host)))
    lines += [Line("limit", words) for words in _limits(host)]
    lines += [Line("given up", words) for words in confinement.given_up]
    return lines


def _user_namespace(confinement: Confinement) -> str:
    first = confinement.id_range.partition("-")[0]
    return {
        userns.OWN: f"its own; root inside is user {first} outside, who owns nothing on this machine",
        userns.ENGINE: "its own, with the ids of who runs the engine; root inside is that user outside",
        userns.JOINED: "shared with another container",
        userns.HOST: "none; root inside is root of whoever runs the engine",
    }.get(confinement.user_namespace, "unknown: the container has not run yet")


def _capabilities(confinement: Confinement) -> str:
    if not confinement.capabilities:
        return "none"
    names = ", ".join(name.removeprefix("CAP_") for name in confinement.capabilities)
    if len(confinement.capabilities) >= len(capabilities.NAMES):
        names = "all"
    where = "" if confinement.user_namespace == userns.HOST else ", within the user namespace only"
    return f"{names}{where}"


def _system_calls(confinement: Confinement) -> str:
    return {
        "default": "the default filter; what an everyday program needs passes, the rest is refused",
        "custom": "a filter that the user gave",
        "unconfined": "all pass",
    }.get(confinement.seccomp, "unknown: the container has not run yet")


def _namespaces(host: HostConfig) -> Iterator[Line]:
    for kind, mode in (
        ("pid", host.pid_mode),
        ("network", host.network_mode),
        ("ipc", host.ipc_mode),
        ("uts", host.uts_mode),
        ("cgroup", host.cgroupns_mode),
    ):
        wall, own = _OWN[kind]
        parsed = modes.parse(kind, mode)
        if parsed.host:
            yield Line(wall, "those of this machine" if kind in ("pid", "cgroup") else "that of this machine")
        elif parsed.container:
            yield Line(wall, f"shared with container {parsed.container}")
        else:
            yield Line(wall, own)


def _files(host: HostConfig) -> str:
    root = "its root is read-only" if host.readonly_rootfs else "its root is its own, and writable"
    if host.privileged or host.masked_paths == [] or host.readonly_paths == []:
        return f"{root}; kernel settings below /proc and /sys are open"
    return f"{root}; kernel settings below /proc and /sys are masked or read-only"


def _limits(host: HostConfig) -> Iterator[str]:
    if host.memory:
        yield f"memory {host.memory} bytes"
    if host.nano_cpus:
        yield f"{host.nano_cpus / 1e9:g} CPUs"
    if host.cpuset_cpus:
        yield f"CPUs {host.cpuset_cpus}"
    if host.pids_limit and host.pids_limit > 0:
        yield f"{host.pids_limit} processes"
    elif host.pids_limit is None:
        yield "processes: an eighth of what this machine can have"
