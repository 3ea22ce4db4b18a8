"""What is refused when a container is made, and what is said then: before anything exists, as with Docker."""

from __future__ import annotations

from collections.abc import Callable

from wherry.engine.models import ContainerConfig, HostConfig
from wherry.engine.spec import (
    capabilities,
    devices,
    modes,
    resources,
    seccomp,
    security_options,
    sysctls,
    userns,
)
from wherry.engine.spec.facts import Facts
from wherry.engine.spec.process import lifted_names, lifts, resource_limits
from wherry.linux.cgroups.settings import PIDS


def check(
    config: ContainerConfig, host: HostConfig, facts: Facts, kind_of: Callable[[str], str]
) -> list[str]:
    """The warnings: limits that can't be honoured, and confinement given up without being asked to.

    `kind_of` gives the kind of user namespace of a container that is joined, "" while it doesn't run. Raises
    Invalid.
    """
    options = security_options.parse(host.security_opt)
    names = capabilities.effective(
        host.cap_add, host.cap_drop, privileged=host.privileged, known=facts.known_capabilities
    )
    if options.seccomp not in ("", "unconfined"):
        seccomp.resolve(seccomp.parse(options.seccomp), names, machine=facts.machine, kernel=facts.kernel)
    others = {}
    for kind, text in (("pid", host.pid_mode), ("ipc", host.ipc_mode), ("network", host.network_mode)):
        mode = modes.parse(kind, text)
        if mode.container:
            others[mode.container] = kind_of(mode.container)
    for kind, text in (("uts", host.uts_mode), ("cgroup", host.cgroupns_mode)):
        modes.parse(kind, text)
    decision = userns.decide(config, host, facts, others)
    on_host = decision.kind == userns.HOST
    devices.devices(host, on_host=on_host, rootless=facts.rootless)
    sysctls.check(host)
    lift = lifts(decision, facts)
    resource_limits(host, lift=lift, names=names)
    resources.resources(host)
    said = resources.warnings(host, facts.limits)
    if not on_host and PIDS in said:
        said[said.index(PIDS)] = (
            "there is no cgroup for the PIDs limit: it holds for each user of the container by itself"
        )
    if on_host and not host.userns_mode:
        said += decision.given_up
    elif not facts.rootless and modes.parse("network", host.network_mode).host and not on_host:
        said.append(
            f"ports below {facts.first_open_port} of this machine stay closed to the container, which has a "
            "user namespace of its own; --userns host opens them"
        )
    if not on_host and not lift:
        said += [
            f"--cap-add {name.removeprefix('CAP_')} doesn't lift any limit: the engine may not raise them"
            for name in lifted_names(host)
        ]
    return said + list(options.warnings)
