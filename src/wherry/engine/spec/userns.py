"""Which user namespace a container gets, and which wishes make it share the machine's.

With a namespace of its own, root in the container is nobody outside. Some switches are there to act on the
machine, and the kernel asks for the machine's own root then: for those the container falls back to the user
namespace of the engine, as Docker's users expect of the switch, and what was given up is said.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from wherry.engine.models import ContainerConfig, HostConfig
from wherry.engine.spec import capabilities, modes
from wherry.engine.spec.facts import Facts

OWN, ENGINE, HOST, JOINED = "own", "engine", "host", "container"

# what the kernel grants only to capabilities in the machine's own user namespace
_OF_THE_MACHINE = (
    "SYS_MODULE SYS_RAWIO SYS_PACCT SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG SYSLOG LINUX_IMMUTABLE MAC_OVERRIDE "
    "MAC_ADMIN AUDIT_CONTROL AUDIT_READ WAKE_ALARM BLOCK_SUSPEND PERFMON BPF"
)
_OF_THE_NETWORK = ("CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST")


class Decision(NamedTuple):
    """`kind`: "own" (a range of its own), "engine" (rootless: the engine's ids), "host", or "container".

    `container` is the one whose user namespace is joined. `given_up` are sentences for a user.
    """

    kind: str
    container: str = ""
    given_up: tuple[str, ...] = ()


def decide(
    config: ContainerConfig, host: HostConfig, facts: Facts, others: dict[str, str] | None = None
) -> Decision:
    """`others`: for each container that is joined, by the name in the mode, its own decision's kind.

    Raises Invalid for a mode that doesn't exist.
    """
    own = ENGINE if facts.rootless else OWN
    if modes.parse("userns", host.userns_mode).host:
        what = "you" if facts.rootless else "root of this machine"
        return Decision(HOST, given_up=(f"user namespace: root in the container is {what} (--userns host)",))
    if not facts.rootless:
        reasons = [*_reasons(config, host, facts)]
        if reasons:
            because = f"{', '.join(reasons)} can't do its work otherwise"
            if len(reasons) > 1:
                because = because.replace("its work", "their work")
            return Decision(
                HOST, given_up=(f"user namespace: root in the container is root of this machine ({because})",)
            )
    for kind, mode in (("pid", host.pid_mode), ("ipc", host.ipc_mode), ("network", host.network_mode)):
        name = modes.parse(kind, mode).container
        if not name:
            continue
        if (others or {}).get(name) == HOST:
            said = f"user namespace: root in the container is root of this machine, as in container {name}"
            return Decision(HOST, given_up=(said,))
        return Decision(JOINED, name, (f"user namespace: shared with container {name}",))
    return Decision(own)


def _reasons(config: ContainerConfig, host: HostConfig, facts: Facts) -> Iterable[str]:
    if host.privileged:
        yield "--privileged"
        return
    if modes.parse("pid", host.pid_mode).host:
        yield "--pid host"
    if modes.parse("ipc", host.ipc_mode).host:
        yield "--ipc host"
    if host.device_cgroup_rules:
        yield "--device-cgroup-rule"
    network = modes.parse("network", host.network_mode)
    settings = tuple(name for name in host.sysctls or () if name.startswith("net."))
    if settings and not network.host and not network.container:
        for name in sorted(facts.hidden_sysctls(settings)):
            yield f"--sysctl {name}"
    added = capabilities.normalized(host.cap_add, "CapAdd")
    if "ALL" in added:
        yield "--cap-add ALL"
    beyond = [name for name in added if name.removeprefix("CAP_") in _OF_THE_MACHINE.split()]
    if network.host:
        beyond += [name for name in added if name in _OF_THE_NETWORK]
        low = [port for port in _ports(config) if 0 < port < facts.first_open_port]
        if low:
            yield f"--network host with port {low[0]}"
    for name in beyond:
        yield f"--cap-add {name.removeprefix('CAP_')}"


def _ports(config: ContainerConfig) -> list[int]:
    numbers = (port.partition("/")[0].partition("-")[0] for port in config.exposed_ports or ())
    return sorted(int(number) for number in numbers if number.isdecimal())
