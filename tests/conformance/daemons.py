"""The daemons that a conformance table is run against: ours, and real Docker to check the table itself.

`WHERRY_CONFORMANCE=wherry,dockerd` runs each table twice; by default only ours is tested. A line of a table
that holds for one of them alone says so with `only`.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

WHERRY = "wherry"
DOCKERD = "dockerd"


def wanted() -> list[str]:
    """Names of the daemons to run against, from WHERRY_CONFORMANCE."""
    return [name for name in os.environ.get("WHERRY_CONFORMANCE", WHERRY).split(",") if name]


class Done(NamedTuple):
    """What one command said."""

    code: int
    out: str
    err: str


class Daemon(NamedTuple):
    """A daemon and how to run the real `docker` command line against it."""

    name: str
    host: str
    image: str
    folder: Path

    def docker(self, *argv: str, stdin: bytes | None = None, timeout: float = 20) -> Done:
        """Run `docker` to its end in the daemon's scratch folder."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "DOCKER_CONFIG": str(self.folder / "config"),
            "DOCKER_HOST": self.host,
            "DOCKER_CLI_HINTS": "false",
            "TERM": "dumb",
        }
        done = subprocess.run(
            ["docker", *argv],
            env=environment,
            cwd=self.folder,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
        return Done(
            done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        )
