"""`wherry system reset`: remove everything that this user's engine keeps."""

from __future__ import annotations

import os
import sys

from wherry.cli.command import Command, Invocation
from wherry.cli.console import confirm
from wherry.cli.engine.stopping import end_engine
from wherry.client.address import chosen_address
from wherry.client.api import escape, query
from wherry.errors import Internal, NotFound, Unsupported
from wherry.paths import state_dir

_WARNING = """\
This removes all containers (running ones too), images, volumes, networks and the cache of builds: {folder}"""


def run(invocation: Invocation) -> int:
    address = chosen_address(invocation.host)
    if not address.own:
        raise Unsupported(f"the engine at {address} is not this user's own", hint="reset it where it runs")
    folder = state_dir()
    if not os.path.exists(folder):
        print("there is nothing to remove")
        return 0
    if not invocation.flags.on("force") and not confirm(
        f"WARNING! {_WARNING.format(folder=folder)}\nAre you sure you want to continue?"
    ):
        return 1
    client = invocation.client
    for container in client.get("/containers/json?all=1"):
        try:
            client.delete(f"/containers/{escape(container['Id'])}{query(force=1, v=1)}")
        except NotFound:
            pass  # it ended by itself, with --rm
    end_engine(address.target)
    _erase()
    print(f"removed {folder}")
    return 0


def _erase() -> None:
    import subprocess

    done = subprocess.run(
        [sys.executable, "-m", "wherry.engine.erase"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Internal(f"not everything could be removed: {done.stderr.strip()}")


COMMAND = Command(
    run,
    usage="[OPTIONS]",
    flags=(("force", "f", "bool", "Do not ask", ""),),
    details="""\
What is left is as if wherry had never been used here: settings (registries.toml) and logins stay. A service
(wherry engine install) starts again with the next client.""",
)
