"""`linux.namespaces`, and the id maps of a user namespace."""

from __future__ import annotations

from wherry.engine.models import HostConfig
from wherry.engine.spec import modes, userns

RANGE = 65536  # ids of a container's own range


def namespaces(host: HostConfig, decision: userns.Decision, joined: dict[str, int]) -> list[dict[str, str]]:
    """`joined`: the pid of the container whose namespace is joined, by "pid", "ipc" and "network"."""
    listed: list[dict[str, str]] = [{"type": "mount"}]
    if decision.kind == userns.JOINED:
        leader = next(pid for kind in ("pid", "ipc", "network") if (pid := joined.get(kind)))
        listed.append({"type": "user", "path": f"/proc/{leader}/ns/user"})
    elif decision.kind != userns.HOST:
        listed.append({"type": "user"})
    for kind, name, mode in (
        ("pid", "pid", host.pid_mode),
        ("ipc", "ipc", host.ipc_mode),
        ("network", "net", host.network_mode),
    ):
        parsed = modes.parse(kind, mode)
        if parsed.container:
            listed.append({"type": kind, "path": f"/proc/{joined[kind]}/ns/{name}"})
        elif not parsed.host:
            listed.append({"type": kind})
    if not modes.parse("uts", host.uts_mode).host:
        listed.append({"type": "uts"})
    if not modes.parse("cgroup", host.cgroupns_mode).host:
        listed.append({"type": "cgroup"})
    return listed


def id_map(decision: userns.Decision, first: int, ids: int) -> list[dict[str, int]]:
    """The map for a new user namespace: a range from `first` on, or the engine's `ids` as they are."""
    if decision.kind == userns.OWN:
        return [{"containerID": 0, "hostID": first, "size": RANGE}]
    if decision.kind == userns.ENGINE:
        return [{"containerID": 0, "hostID": 0, "size": ids}]
    return []


def network_sysctls(host: HostConfig, decision: userns.Decision, ids: int) -> dict[str, str]:
    """What makes a network of its own as open to its programs as Docker's: any port, ping without root."""
    mode = modes.parse("network", host.network_mode)
    if mode.host or mode.container:
        return {}
    last = {
        userns.OWN: RANGE - 1,
        userns.ENGINE: ids - 1,
        userns.JOINED: min(RANGE, ids) - 1,
    }.get(decision.kind, min(2**31, ids) - 1)
    return {"net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": f"0 {last}"}
