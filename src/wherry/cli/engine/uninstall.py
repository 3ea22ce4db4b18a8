"""`wherry engine uninstall`: the engine is no service any more. Containers and state stay."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.engine import systemd, units
from wherry.cli.engine.install import SCOPES, of_user


def run(invocation: Invocation) -> int:
    user = of_user(invocation)
    live = systemd.runs_here()
    if live:
        systemd.systemctl("stop", units.SOCKET, units.SERVICE, user=user, ignore_failure=True)
    removed = units.uninstall(units.folder(user=user), user=user)
    for path in removed:
        print(f"removed {path}")
    if live:
        systemd.systemctl("daemon-reload", user=user, ignore_failure=True)
    if not removed:
        print("no units are installed")
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS]",
    flags=SCOPES,
    details="Containers go on running; the next command starts an engine that finds them again.",
)
