"""A container of the command line, as remembered between commands.

<root>/<id>/state.json     what it is, whose pid, since when
<root>/<id>/start.sock     init waits on it for `start`; gone once started
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

from wherry.errors import Conflict, Invalid, NotFound
from wherry.linux import cgroups

_ALLOWED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.")


class Container:
    """One container; `data` is what state.json holds. Two commands at once on one are the callers' matter."""

    def __init__(self, directory: str, data: dict[str, Any]) -> None:
        self.directory = directory
        self.data = data

    @classmethod
    def reserve(cls, root: str, name: str, data: dict[str, Any]) -> Container:
        """Take the name. Raises Conflict if it is taken."""
        directory = os.path.join(root, _checked(name))
        os.makedirs(root, 0o700, exist_ok=True)
        try:
            os.mkdir(directory, 0o700)
        except FileExistsError:
            raise Conflict(f"container with id exists: {name}") from None
        return cls(directory, {"id": name, **data})

    @classmethod
    def find(cls, root: str, name: str) -> Container:
        """The container `name`. Raises NotFound."""
        directory = os.path.join(root, _checked(name))
        try:
            with open(os.path.join(directory, "state.json")) as file:
                return cls(directory, json.load(file))
        except FileNotFoundError:
            raise NotFound(f"container {name!r} does not exist") from None

    @classmethod
    def every(cls, root: str) -> Iterator[Container]:
        """All containers, by name."""
        for name in sorted(os.listdir(root)) if os.path.isdir(root) else ():
            try:
                yield cls.find(root, name)
            except NotFound:
                continue  # being created or deleted right now

    @property
    def name(self) -> str:
        return str(self.data["id"])

    @property
    def pid(self) -> int:
        return int(self.data.get("pid", 0))

    @property
    def start_socket(self) -> str:
        return os.path.join(self.directory, "start.sock")

    def save(self) -> None:
        """Write state.json, atomically."""
        path = os.path.join(self.directory, "state.json")
        with open(path + ".new", "w") as file:
            json.dump(self.data, file)
        os.rename(path + ".new", path)

    def forget(self) -> None:
        """Remove everything remembered. Repeatable."""
        for entry in ("start.sock", "state.json", "state.json.new"):
            try:
                os.unlink(os.path.join(self.directory, entry))
            except FileNotFoundError:
                continue
        try:
            os.rmdir(self.directory)
        except FileNotFoundError:
            pass

    def cgroup(self) -> cgroups.Cgroup | None:
        """Its cgroup, None if it has none (any more)."""
        path = self.data.get("cgroup")
        try:
            return cgroups.open_existing(path) if path else None
        except NotFound:
            return None

    def spec(self) -> dict[str, Any]:
        """The specification it was made from."""
        with open(os.path.join(self.directory, "state.json")) as file:
            return json.load(file)["spec"]  # type: ignore[no-any-return]

    def status(self) -> str:
        """creating, created, running, paused or stopped (runtime-spec, "State")."""
        if not self.pid:
            return "creating"
        if not self.alive():
            return "stopped"
        if os.path.exists(self.start_socket):
            return "created"
        cgroup = self.cgroup()
        return "paused" if cgroup is not None and cgroup.frozen() else "running"

    def alive(self) -> bool:
        """Whether its init is the process it was, and no zombie."""
        started = start_time(self.pid)
        return started is not None and started == self.data.get("pid_started")

    def state(self) -> dict[str, Any]:
        """The state of the OCI runtime specification."""
        status = self.status()
        state = {
            "ociVersion": self.data["ociVersion"],
            "id": self.name,
            "pid": 0 if status == "stopped" else self.pid,
            "status": status,
            "bundle": self.data["bundle"],
            "rootfs": self.data["rootfs"],
            "created": self.data["created"],
            "owner": self.data.get("owner", ""),
        }
        if self.data.get("annotations"):
            state["annotations"] = self.data["annotations"]
        return state

    def signal(self, number: int) -> None:
        """Send a signal to init. Raises Conflict when it has ended."""
        try:
            target = os.pidfd_open(self.pid)
        except (ProcessLookupError, OSError):
            raise Conflict("container not running") from None
        try:
            if not self.alive():
                raise Conflict("container not running")
            signal.pidfd_send_signal(target, number)
        except ProcessLookupError:
            raise Conflict("container not running") from None
        finally:
            os.close(target)


def start_time(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; None when there is none or only its zombie."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def _checked(name: str) -> str:
    if not name or name in (".", "..") or not set(name) <= _ALLOWED or len(name) > 1024:
        raise Invalid(f"invalid id format: {name!r}")
    return name
