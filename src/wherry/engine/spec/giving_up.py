"""What a container's options take away of its confinement, one plain sentence each.

Every switch that weakens the walls shows here, and through it in `inspect` and `ps`; see also `userns`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from wherry.engine.models import HostConfig
from wherry.engine.spec import capabilities, modes, userns
from wherry.engine.spec.facts import Facts
from wherry.linux import capabilities as sets

if TYPE_CHECKING:
    from wherry.engine.containers.record import PlannedMount

# host paths that, bound into a container, hand the machine over
_SOCKETS = ("/docker.sock", "/wherry.sock")
_KEYS = (
    "/run/containerd/containerd.sock",
    "/run/wherry",
    "/dev",
    "/",
)


def given_up(
    host: HostConfig,
    names: list[str],
    filter_kind: str,
    profile: str,
    facts: Facts,
    decision: userns.Decision,
    planned: Sequence[PlannedMount] = (),
) -> Iterator[str]:
    """`names` are its capabilities, `filter_kind` and `profile` what became of seccomp and AppArmor."""
    if host.privileged:
        yield "devices, kernel settings and cgroups of this machine: open for writing (--privileged)"
    yield from _namespaces(host, facts, decision)
    if filter_kind == "unconfined":
        yield "system calls: none is refused (seccomp unconfined)"
    elif filter_kind == "custom":
        yield "system calls: a profile of the user's own decides (seccomp)"
    if facts.apparmor and not profile:
        yield "AppArmor: unconfined"
    added = [name for name in names if name not in capabilities.DEFAULT]
    if host.privileged:
        yield "capabilities: all"
    elif added:
        yield f"capabilities: also {', '.join(name.removeprefix('CAP_') for name in added)}"
    if decision.kind == userns.HOST:
        missing = sets.names(sets.mask(names) & ~facts.capabilities)
        if missing:
            lacking = ", ".join(name.removeprefix("CAP_") for name in missing)
            yield f"capabilities: not {lacking}, which the engine itself lacks and can't give"
    if not host.privileged and (host.masked_paths == [] or host.readonly_paths == []):
        yield "parts of /proc and /sys that are masked or read-only elsewhere: open"
    for mapping in host.devices or ():
        yield f"device {mapping.path_on_host}: open to the container"
    for mount in planned:
        key = mount.source.endswith(_SOCKETS) or mount.source.rstrip("/") in {
            key.rstrip("/") for key in _KEYS
        }
        if mount.kind == "bind" and key:
            yield f"{mount.source}: whoever has it controls this machine"
    if facts.rootless and not facts.limits.memory:
        yield "limits: none can be set, this user was given no control groups of its own"


def _namespaces(host: HostConfig, facts: Facts, decision: userns.Decision) -> Iterator[str]:
    spoken = (
        ("pid", host.pid_mode, "processes: sees {}", "all of this machine"),
        ("ipc", host.ipc_mode, "shared memory and message queues: {}", "those of this machine"),
        ("uts", host.uts_mode, "host name: {}", "that of this machine"),
        ("cgroup", host.cgroupns_mode, "control groups: sees {}", "those of this machine"),
    )
    for kind, mode, sentence, whose in spoken:
        parsed = modes.parse(kind, mode)
        if parsed.host and not (kind == "cgroup" and host.privileged):
            yield sentence.format(whose) + f" (--{kind}{'ns' if kind == 'cgroup' else ''} host)"
        elif parsed.container:
            yield sentence.format(f"those of container {parsed.container}")
    network = modes.parse("network", host.network_mode)
    if network.host:
        if facts.rootless:
            yield "network: that of the engine, not one of its own (--network host)"
        elif decision.kind == userns.HOST:
            yield "network: that of this machine (--network host)"
        else:
            yield (
                f"network: that of this machine (--network host); ports below {facts.first_open_port} stay "
                "closed to it, --userns host opens them"
            )
    elif network.container:
        yield f"network: that of container {network.container}"
