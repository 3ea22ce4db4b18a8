"""`wherry engine install`: the engine as a service of systemd's, of the machine or of this user."""

from __future__ import annotations

import os
import sys

from wherry.cli.command import Command, Invocation
from wherry.cli.engine import systemd, units
from wherry.cli.engine.stopping import end_engine
from wherry.errors import Forbidden, Invalid
from wherry.paths import api_socket

SCOPES = (
    ("system", "", "bool", "For the machine: root's engine, in /etc/systemd/system (root's default)", ""),
    ("user", "", "bool", "For this user, in ~/.config/systemd/user (the default of anyone else)", ""),
)


def run(invocation: Invocation) -> int:
    user = of_user(invocation)
    home = os.environ.get("WHERRY_HOME")
    environment = {"WHERRY_HOME": os.path.abspath(home)} if home else {}
    texts = {
        units.SOCKET: units.socket_unit(api_socket() if home else "%t/wherry/wherry.sock"),
        units.SERVICE: units.service_unit(command(sys.executable), user=user, environment=environment),
    }
    if invocation.flags.on("print"):
        print("\n".join(f"# {name}\n{text}" for name, text in texts.items()), end="")
        return 0
    start = not invocation.flags.on("no-start")
    if start:
        systemd.require(user=user)
        # Before systemd binds its socket: two engines of one state can't be.
        end_engine(api_socket())
    for path in units.install(units.folder(user=user), texts, user=user):
        print(path)
    if start:
        systemd.systemctl("daemon-reload", user=user)
        systemd.systemctl("start", units.SOCKET, user=user)
        print("the engine is a service now: systemd starts it with the first client, and at boot")
        name = os.environ.get("USER", "")
        if user and not os.path.exists(f"/var/lib/systemd/linger/{name}"):
            print(f"it ends with your last session, unless: sudo loginctl enable-linger {name or '$USER'}")
    return 0


def of_user(invocation: Invocation) -> bool:
    """Whether the units of this user are meant. Raises Invalid, Forbidden."""
    flags = invocation.flags
    if flags.on("user") and flags.on("system"):
        raise Invalid("--user and --system exclude each other")
    user = flags.on("user") or (os.geteuid() != 0 and not flags.on("system"))
    if not user and os.geteuid() != 0:
        raise Forbidden(
            "only root can install a service for the machine", hint="leave --system out, or use sudo"
        )
    return user


def command(python: str) -> str:
    """What starts the engine, as systemd reads it. It must outlive upgrades: of `…/versions/X/bin/python` it
    is what `…/current` points to at the time."""
    words = "-m wherry.engine --socket fd:// --idle-after 0"
    bin_ = os.path.dirname(python)
    current = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(bin_))), "current")
    if not os.path.islink(current) or os.path.realpath(f"{current}/bin") != os.path.realpath(bin_):
        return f'"{_escaped(python)}" {words}'
    # Not by way of the link itself: the engine loads modules while it runs, and they must be of one version.
    return f"""/bin/sh -c 'exec "$$(readlink -f "{_escaped(current)}")/bin/python" {words}'"""


def _escaped(path: str) -> str:
    return path.replace("\\", "\\\\").replace("%", "%%").replace('"', '\\"').replace("$", "$$")


COMMAND = Command(
    run,
    usage="[OPTIONS]",
    flags=(
        *SCOPES,
        ("no-start", "", "bool", "Only write and enable the units, e.g. in an image that is being made", ""),
        ("print", "", "bool", "Show the units; change nothing", ""),
    ),
    details="""\
Nobody needs it: every command starts the engine when it is not there. As a service it is there from boot
on, so that containers with a restart policy come back, and it does not end when it is idle.

Ordinary users' services end with their last session unless the user lingers:
  sudo loginctl enable-linger $USER""",
    examples=(("engine install", "for this user; for the machine as root"),),
)
