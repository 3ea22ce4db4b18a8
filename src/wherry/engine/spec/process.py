"""`process`: the program of a container or of an exec, and who it is."""

from __future__ import annotations

from typing import Any, NamedTuple

from wherry.engine.models import HostConfig, Ulimit
from wherry.engine.spec import capabilities
from wherry.engine.spec.facts import Facts
from wherry.engine.spec.userns import HOST, Decision
from wherry.errors import Invalid
from wherry.linux import capabilities as sets

_LIMITS = """
AS CORE CPU DATA FSIZE LOCKS MEMLOCK MSGQUEUE NICE NOFILE NPROC RSS RTPRIO RTTIME SIGPENDING STACK
"""

_UNLIMITED = (1 << 64) - 1

# in a user namespace of its own a capability doesn't lift these, though it is what people give it for
_LIFTED = {
    "CAP_IPC_LOCK": (("MEMLOCK", _UNLIMITED),),
    "CAP_SYS_NICE": (("NICE", 40), ("RTPRIO", 99)),
}

_MAY_RAISE = sets.mask(["CAP_SYS_RESOURCE"])


class User(NamedTuple):
    """Ids as the container sees them."""

    uid: int
    gid: int
    groups: tuple[int, ...]


def process(
    *,
    arguments: list[str],
    environment: list[str],
    directory: str,
    user: User,
    names: list[str],
    no_new_privileges: bool,
    terminal: bool,
    size: tuple[int, int] = (0, 0),
    apparmor: str = "",
    limits: list[dict[str, Any]] | None = None,
    oom_score: int | None = None,
) -> dict[str, Any]:
    """`names` are capabilities; `size` is rows and columns of the terminal, (0, 0) for unknown."""
    section: dict[str, Any] = {
        "terminal": terminal,
        "user": {"uid": user.uid, "gid": user.gid, "additionalGids": list(user.groups)},
        "args": arguments,
        "env": environment,
        "cwd": directory or "/",
        "capabilities": capabilities.section(names, root=user.uid == 0),
        "noNewPrivileges": no_new_privileges,
        "rlimits": limits or [],
    }
    if terminal and any(size):
        section["consoleSize"] = {"height": size[0], "width": size[1]}
    if apparmor:
        section["apparmorProfile"] = apparmor
    if oom_score is not None:
        section["oomScoreAdj"] = oom_score
    return section


def lifts(decision: Decision, facts: Facts) -> bool:
    """Whether limits have to be lifted in place of a capability that means nothing here, and can be."""
    return decision.kind != HOST and not facts.rootless and bool(facts.capabilities & _MAY_RAISE)


def most_processes(host: HostConfig, facts: Facts) -> int:
    """The bound for a machine that can't limit processes by cgroup, else 0."""
    if facts.limits.pids:
        return 0
    asked = host.pids_limit
    return facts.most_processes if asked is None else max(asked, 0)


def lifted_names(host: HostConfig) -> list[str]:
    """The added capabilities that people give to be free of a limit."""
    added = capabilities.normalized(host.cap_add, "CapAdd")
    return [name for name in _LIFTED if name in added]


def resource_limits(
    host: HostConfig, *, lift: bool, names: list[str], processes: int = 0
) -> list[dict[str, Any]]:
    """`process.rlimits` from --ulimit. Raises Invalid, in Docker's words.

    `lift`: see `lifts`. `processes`: what bounds their number where no cgroup does; the kernel counts those
    of one user in one user namespace, which is nearly a container.
    """
    chosen = {limit.name.upper(): _checked(limit) for limit in host.ulimits or ()}
    added = capabilities.normalized(host.cap_add, "CapAdd")
    if lift:
        for name, lifted in _LIFTED.items():
            if name in names and (name in added or "ALL" in added):
                for limit, value in lifted:
                    chosen.setdefault(limit, (value, value))
    if processes:
        chosen.setdefault("NPROC", (processes, processes))
    return [{"type": f"RLIMIT_{name}", "soft": soft, "hard": hard} for name, (soft, hard) in chosen.items()]


def _checked(limit: Ulimit) -> tuple[int, int]:
    if limit.name.upper() not in _LIMITS.split():
        raise Invalid(f"invalid ulimit type: {limit.name}")
    soft = _UNLIMITED if limit.soft < 0 else limit.soft
    hard = _UNLIMITED if limit.hard < 0 else limit.hard
    if soft > hard:
        raise Invalid(
            f"ulimit soft limit must be less than or equal to hard limit: {limit.soft} > {limit.hard}"
        )
    return soft, hard
