"""An ordinary user's means: subordinate ids, the tools that map them, a run-time directory."""

from __future__ import annotations

import os

from wherry.cli.doctor import mends
from wherry.cli.doctor.finding import NOTE, Finding
from wherry.cli.doctor.machine import Machine

_AREA = "User"
_ENOUGH = 65536  # ids that an image may use
_FIRST = 100000  # where distributions begin to lend


def check_user(machine: Machine) -> list[Finding]:
    """What only matters without root; root has all of it."""
    if machine.root:
        return [Finding(_AREA, "root: each container gets a user namespace with ids of its own")]
    found = [_subordinate(machine), _mappers(machine)]
    runtime = machine.environment.get("XDG_RUNTIME_DIR")
    if runtime and os.access(runtime, os.W_OK):
        found.append(Finding(_AREA, f"run-time directory {runtime}"))
    else:
        mend = "log in through the machine's own login, not su"
        if machine.systemd:
            mend = f"{mends.linger(machine)} && export XDG_RUNTIME_DIR=/run/user/{machine.uid}"
        found.append(
            Finding(
                _AREA,
                "XDG_RUNTIME_DIR is not set or can't be written",
                NOTE,
                f"/tmp/wherry-{machine.uid} is used instead",
                mend,
            )
        )
    if machine.systemd and not machine.exists(f"/var/lib/systemd/linger/{machine.user}"):
        means = "systemd ends a user's processes with the last session"
        found.append(Finding(_AREA, "containers end when you log out", NOTE, means, mends.linger(machine)))
    return found


def _subordinate(machine: Machine) -> Finding:
    count = min(_granted(machine, path) for path in ("/etc/subuid", "/etc/subgid"))
    if count >= _ENOUGH:
        return Finding(_AREA, f"{count} subordinate ids")
    return Finding(
        _AREA,
        f"only {count} subordinate ids for {machine.user}"
        if count
        else f"no subordinate ids for {machine.user}",
        NOTE,
        "containers have one user alone: images with others (databases, apt) fail",
        _lend_command(machine),
    )


def _granted(machine: Machine, path: str) -> int:
    owners = (machine.user, str(machine.uid))
    return sum(count for owner, _, count in _ranges(machine, path) if owner in owners)


def _ranges(machine: Machine, path: str) -> list[tuple[str, int, int]]:
    """(owner, first, count) of every line of a subid file (subuid(5))."""
    found = []
    for line in (machine.read(path) or "").splitlines():
        fields = line.split(":")
        if len(fields) == 3 and fields[1].isdigit() and fields[2].isdigit():
            found.append((fields[0], int(fields[1]), int(fields[2])))
    return found


def _lend_command(machine: Machine) -> str:
    """Lend a range that nobody has."""
    taken = [*_ranges(machine, "/etc/subuid"), *_ranges(machine, "/etc/subgid")]
    first = max([_FIRST, *(start + count for _, start, count in taken)])
    if machine.which("usermod"):
        last = first + _ENOUGH - 1
        return (
            f"{mends.as_root(machine)}usermod --add-subuids {first}-{last} --add-subgids {first}-{last}"
            f" {machine.user}"
        )
    line = f"{machine.user}:{first}:{_ENOUGH}"
    return f"echo '{line}' | {mends.as_root(machine)}tee -a /etc/subuid /etc/subgid"


def _mappers(machine: Machine) -> Finding:
    for name in ("newuidmap", "newgidmap"):
        path = machine.which(name)
        if path is None:
            mend = mends.install(machine, "newuidmap")
            return Finding(_AREA, f"no {name}", NOTE, "subordinate ids can't be used without it", mend)
        if not _mighty(machine.path(path)):
            mend = f"{mends.as_root(machine)}chmod u+s {path}"
            return Finding(_AREA, f"{path} has no rights", NOTE, "subordinate ids can't be used", mend)
    return Finding(_AREA, "newuidmap and newgidmap")


def _mighty(path: str) -> bool:
    """Whether a program gets rights when it is executed: set-user-ID, or file capabilities."""
    if os.stat(path).st_mode & 0o6000:
        return True
    try:
        return bool(os.getxattr(path, "security.capability"))
    except OSError:
        return False
