"""An ordinary user's means: subordinate ids, the tools that map them, a run-time directory."""

from __future__ import annotations

import os
import pwd
import shutil

from wherry.cli.doctor.finding import NOTE, Finding, read

_AREA = "User"
_ENOUGH = 65536  # ids that an image may use
_UIDMAP = "sudo apt-get install uidmap   (dnf: shadow-utils, pacman: shadow)"


def check_user(root: bool) -> list[Finding]:
    """What only matters without root; root has all of it."""
    if root:
        return [Finding(_AREA, "root: each container gets a user namespace with ids of its own")]
    user = pwd.getpwuid(os.geteuid()).pw_name
    found = [_subordinate(user), _mappers()]
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and os.access(runtime, os.W_OK):
        found.append(Finding(_AREA, f"run-time directory {runtime}"))
    else:
        found.append(
            Finding(
                _AREA,
                "XDG_RUNTIME_DIR is not set or can't be written",
                NOTE,
                f"/tmp/wherry-{os.geteuid()} is used instead",
                f"log in through the machine's own login, or: sudo loginctl enable-linger {user}",
            )
        )
    if os.path.isdir("/run/systemd/system") and not os.path.exists(f"/var/lib/systemd/linger/{user}"):
        found.append(
            Finding(
                _AREA,
                "containers end when you log out",
                NOTE,
                "systemd ends a user's processes with the last session",
                f"sudo loginctl enable-linger {user}",
            )
        )
    return found


def _subordinate(user: str) -> Finding:
    counts = [_granted(path, user) for path in ("/etc/subuid", "/etc/subgid")]
    if min(counts) >= _ENOUGH:
        return Finding(_AREA, f"{min(counts)} subordinate ids")
    return Finding(
        _AREA,
        f"no subordinate ids for {user}"
        if not min(counts)
        else f"only {min(counts)} subordinate ids for {user}",
        NOTE,
        "containers have one user alone: images with others (databases, apt) fail",
        f"sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {user}",
    )


def _granted(path: str, user: str) -> int:
    total = 0
    for line in (read(path) or "").splitlines():
        fields = line.split(":")
        if len(fields) == 3 and fields[0] in (user, str(os.geteuid())) and fields[2].isdigit():
            total += int(fields[2])
    return total


def _mappers() -> Finding:
    for name in ("newuidmap", "newgidmap"):
        path = shutil.which(name)
        if path is None:
            return Finding(_AREA, f"no {name}", NOTE, "subordinate ids can't be used without it", _UIDMAP)
        if not os.stat(path).st_mode & 0o6000 and not _capable(path):
            return Finding(
                _AREA,
                f"{path} has no rights",
                NOTE,
                "subordinate ids can't be used",
                f"sudo chmod u+s {path}",
            )
    return Finding(_AREA, "newuidmap and newgidmap")


def _capable(path: str) -> bool:
    try:
        return bool(os.getxattr(path, "security.capability"))
    except OSError:
        return False
