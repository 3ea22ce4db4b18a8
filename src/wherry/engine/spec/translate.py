"""From what was asked of a container to the specification that a runtime carries out: a pure translation.

    decision = userns.decide(config, host, facts, others)       # which user namespace
    result = translate(Wish(…), facts)                          # everything else

What a wish costs in confinement is in `Confinement.given_up`, one sentence each, so that whoever shows a
container can show that too. Limits that this machine can't honour are the business of `resources.warnings`
when a container is made, and of the cgroup when it starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from wherry.engine.models import Confinement, ContainerConfig, HostConfig
from wherry.engine.spec import (
    capabilities,
    devices,
    mounts,
    namespaces,
    resources,
    seccomp,
    security_options,
    sysctls,
    userns,
)
from wherry.engine.spec.facts import Facts
from wherry.engine.spec.giving_up import given_up
from wherry.engine.spec.process import User, lifts, most_processes, process, resource_limits
from wherry.errors import Invalid
from wherry.runtime import apparmor_default
from wherry.runtime.annotations import INIT_ANNOTATION

if TYPE_CHECKING:
    from wherry.engine.containers.record import PlannedMount

VERSION = "1.2.0"  # of the runtime specification

MASKED = (
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
)
READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


class Wish(NamedTuple):
    """A container to be started.

    `config` and `host` are complete: defaults of the image and of the engine filled in. `environment` is
    whole. `first_id` is the first host id of its own range. `joined` are the pids of containers whose
    namespaces are joined, by "pid", "ipc", "network". `files` are the host paths of resolv.conf and its like
    by their paths inside.
    """

    config: ContainerConfig
    host: HostConfig
    decision: userns.Decision
    arguments: list[str]
    environment: list[str]
    user: User
    cgroup: str
    planned: Sequence[PlannedMount] = ()
    files: dict[str, str] = {}  # noqa: RUF012  never changed
    joined: dict[str, int] = {}  # noqa: RUF012  never changed
    first_id: int = -1
    shm: str = ""
    apparmor_default: bool = False
    """Whether the default AppArmor profile is loaded."""


class Translation(NamedTuple):
    spec: dict[str, Any]
    confinement: Confinement


def translate(wish: Wish, facts: Facts) -> Translation:
    """Raises Invalid for what contradicts itself; nothing is made."""
    config, host, decision = wish.config, wish.host, wish.decision
    options = security_options.parse(host.security_opt)
    names = capabilities.effective(
        host.cap_add, host.cap_drop, privileged=host.privileged, known=facts.known_capabilities
    )
    on_host = decision.kind == userns.HOST
    wanted = devices.devices(host, on_host=on_host, rootless=facts.rootless)
    filter_kind, filter_section = _seccomp(host, options.seccomp, names, facts)
    profile = _apparmor(host, options.apparmor, wish, facts)
    no_new_privileges = _no_new_privileges(host, options.no_new_privileges, wish.user)
    settings = {
        **namespaces.network_sysctls(host, decision, facts.ids),
        **sysctls.check(host),
    }
    limits = resources.resources(host, most_processes=facts.most_processes)
    if not facts.limits.pids and not on_host:
        limits.pop("pids", None)  # a resource limit of the process stands in for it, see below
    if wanted.rules:
        limits["devices"] = wanted.rules
    linux: dict[str, Any] = {
        "namespaces": namespaces.namespaces(host, decision, wish.joined),
        "cgroupsPath": wish.cgroup,
        "resources": limits,
        "maskedPaths": _paths(host, host.masked_paths, MASKED),
        "readonlyPaths": _paths(host, host.readonly_paths, READ_ONLY),
    }
    id_map = namespaces.id_map(decision, wish.first_id, facts.ids)
    if id_map:
        linux["uidMappings"] = linux["gidMappings"] = id_map
    if wanted.nodes:
        linux["devices"] = wanted.nodes
    if settings:
        linux["sysctl"] = settings
    if filter_section is not None:
        linux["seccomp"] = filter_section
    # a propagation that reaches the host, or comes from it, needs a root that takes part
    if any(mount.propagation.removeprefix("r") == "shared" for mount in wish.planned):
        linux["rootfsPropagation"] = "rshared"
    elif any(mount.propagation.removeprefix("r") == "slave" for mount in wish.planned):
        linux["rootfsPropagation"] = "rslave"

    spec: dict[str, Any] = {
        "ociVersion": VERSION,
        "process": process(
            arguments=wish.arguments,
            environment=wish.environment,
            directory=config.working_dir,
            user=wish.user,
            names=names,
            no_new_privileges=no_new_privileges,
            terminal=config.tty,
            size=host.console_size,
            apparmor=profile,
            limits=resource_limits(
                host,
                lift=lifts(decision, facts),
                names=names,
                processes=0 if on_host else most_processes(host, facts),
            ),
            oom_score=host.oom_score_adj if host.oom_score_adj != facts.oom_score else None,
        ),
        "root": {"path": "rootfs", "readonly": host.readonly_rootfs},
        "mounts": mounts.mounts(
            host,
            wish.planned,
            files=wish.files,
            devices=wanted.binds,
            shm=wish.shm,
            on_host=on_host and not facts.rootless,
            idmap=decision.kind in (userns.OWN, userns.JOINED) and not facts.rootless,
            cgroups_writable=bool(options.writable_cgroups),
        ),
        "linux": linux,
    }
    if config.hostname and any(entry["type"] == "uts" for entry in linux["namespaces"]):
        spec["hostname"] = config.hostname
        if config.domainname:
            spec["domainname"] = config.domainname
    annotations = {name: text for name, text in (host.annotations or {}).items() if name != INIT_ANNOTATION}
    if host.init:
        annotations[INIT_ANNOTATION] = "true"
    if annotations:
        spec["annotations"] = annotations

    confinement = Confinement(
        user_namespace=decision.kind,
        id_range=f"{wish.first_id}-{wish.first_id + namespaces.RANGE - 1}"
        if decision.kind == userns.OWN
        else "",
        seccomp=filter_kind,
        apparmor=profile or ("unconfined" if facts.apparmor else ""),
        no_new_privileges=no_new_privileges,
        capabilities=names,
        given_up=[
            *decision.given_up,
            *given_up(host, names, filter_kind, profile, facts, decision, wish.planned),
            *options.warnings,
        ],
    )
    return Translation(spec, confinement)


def _seccomp(
    host: HostConfig, wanted: str, names: list[str], facts: Facts
) -> tuple[str, dict[str, Any] | None]:
    """Its kind for people, and the section."""
    if wanted == "unconfined" or (host.privileged and not wanted):
        return "unconfined", None
    if not wanted:
        return "default", seccomp.default_section(names, machine=facts.machine, kernel=facts.kernel)
    section = seccomp.resolve(seccomp.parse(wanted), names, machine=facts.machine, kernel=facts.kernel)
    return ("custom" if section is not None else "unconfined"), section


def _apparmor(host: HostConfig, wanted: str, wish: Wish, facts: Facts) -> str:
    """The profile's name, "" for none."""
    if wanted and wanted != "unconfined" and not facts.apparmor:
        raise Invalid(
            f"AppArmor profile {wanted} can't be used: AppArmor is not enabled on this machine"
            if not facts.rootless
            else f"AppArmor profile {wanted} can't be used: only root may confine with AppArmor"
        )
    if wanted == "unconfined" or not facts.apparmor:
        return ""
    if wanted and wanted != apparmor_default.NAME:
        return wanted
    if host.privileged and not wanted:
        return ""
    return apparmor_default.NAME if wish.apparmor_default else ""


def _no_new_privileges(host: HostConfig, wanted: bool | None, user: User) -> bool:
    """By default it holds for root, who has nothing to gain by a set-user-id program.

    An image that starts as another user may count on one (sudo, ping), and a privileged container on
    everything.
    """
    if wanted is not None:
        return wanted
    return user.uid == 0 and not host.privileged


def _paths(host: HostConfig, wanted: list[str] | None, default: tuple[str, ...]) -> list[str]:
    if wanted is None:
        return [] if host.privileged else list(default)
    return list(wanted)
