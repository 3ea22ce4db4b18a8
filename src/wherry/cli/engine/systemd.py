"""Talking to systemd through `systemctl`, of the system or of this user."""

from __future__ import annotations

import os
import shutil

from wherry.errors import Unavailable, Unsupported

_WITHOUT = (
    "nothing has to be installed: every command starts the engine. For a start at boot, let the machine run"
    " `wherry engine start`: OpenRC from a file in /etc/local.d, others from a line of crontab after"
    " @reboot"
)


def runs_here() -> bool:
    """Whether systemd is what runs this machine (sd_booted(3))."""
    return os.path.isdir("/run/systemd/system")


def require(*, user: bool) -> None:
    """Raises Unsupported where there is no systemd, Unavailable where this user's own is out of reach."""
    if not runs_here() or shutil.which("systemctl") is None:
        raise Unsupported("systemd does not run this machine", hint=_WITHOUT)
    if user and not os.path.exists(
        os.path.join(os.environ.get("XDG_RUNTIME_DIR", "/-"), "systemd", "private")
    ):
        raise Unavailable(
            "no systemd of this user is running",
            hint="log in anew (ssh, console, not su or sudo), or let root do: "
            f"loginctl enable-linger {os.environ.get('USER') or os.geteuid()}",
        )


def systemctl(*words: str, user: bool, ignore_failure: bool = False) -> None:
    """Run it; blocks until it is done. Raises Unavailable with what it said."""
    import subprocess

    command = ["systemctl", *(["--user"] if user else []), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and not ignore_failure:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise Unavailable(f"{' '.join(command)}: {said[-1] if said else f'status {done.returncode}'}")
