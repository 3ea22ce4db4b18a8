"""What removes the containers of a test session that is killed: `python -m wherry.testing.reaper ADDRESS`.

Its standard input is a pipe from the session, on which it names the labels of what belongs to it. When
the pipe ends, also because the session was killed, all of that is removed; a last line `done` says that the
session has cleaned up by itself. No container has to be started for that.
"""

from __future__ import annotations

import subprocess
import sys
from typing import IO

from wherry.client.api import Client, escape, query
from wherry.errors import WherryError

PROJECT = "com.docker.compose.project"


def remove_labelled(client: Client, label: str) -> None:
    """Remove the containers with a label, then its networks and volumes. What is gone already is no error."""
    filters = {"label": [label]}
    for entry in client.get("/containers/json" + query(all=True, filters=filters)):
        _delete(client, f"/containers/{entry['Id']}" + query(force=True, v=True))
    for entry in client.get("/networks" + query(filters=filters)):
        _delete(client, f"/networks/{entry['Id']}")
    for entry in client.get("/volumes" + query(filters=filters)).get("Volumes") or ():
        _delete(client, f"/volumes/{escape(entry['Name'])}" + query(force=True))


def _delete(client: Client, path: str) -> None:
    try:
        client.delete(path)
    except WherryError:
        pass  # gone meanwhile, or in use by somebody else


class Reaper:
    """The session's end of the pipe."""

    def __init__(self, address: str) -> None:
        command = [sys.executable, "-m", "wherry.testing.reaper", address]
        # A session of its own: what interrupts or hangs up on the tests does not reach it.
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)

    def label(self, label: str) -> None:
        """Everything with this label belongs to the session."""
        self._say(f"label {label}")

    def project(self, name: str) -> None:
        """Everything of this compose project belongs to the session."""
        self._say(f"label {PROJECT}={name}")

    def close(self) -> None:
        """All has been removed; waits for the process to end."""
        self._say("done")
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # somebody ended it: the session's own cleaning has to do


def watch(lines: IO[str], address: str) -> None:
    """Read what belongs to a session until it ends, then remove what it has left."""
    labels = []
    for line in lines:
        word, _, rest = line.strip().partition(" ")
        if word == "done":
            return
        if word == "label":
            labels.append(rest)
    client = Client(address)
    try:
        for label in reversed(labels):
            remove_labelled(client, label)
    except WherryError as error:
        sys.stderr.write(f"wherry: {error.message}\n")
    finally:
        client.close()


if __name__ == "__main__":
    watch(sys.stdin, sys.argv[1])
