"""What every verb of `wherry compose` works on: the project, its containers, the engine, and reports."""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import TYPE_CHECKING

from wherry.cli.command import Invocation
from wherry.client.objects.connections import Connections
from wherry.compose import loading
from wherry.compose.hooks import Hooks, pre_stop
from wherry.compose.present import Present, containers
from wherry.errors import Invalid, NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wherry.cli.flags import Flags
    from wherry.compose.model import Project


_PROGRESS = ("auto", "tty", "plain", "json", "quiet")


class Opened:
    """The project that the flags before the verb describe; files are read at first need."""

    def __init__(self, flags: Flags, host: str, *, rehearsed: bool = False) -> None:
        self._flags = flags
        self._project: Project | None = None
        self._lock = threading.Lock()
        self.all_resources = flags.on("all-resources")  # whether `config` shows what no service names
        self.rehearsed = rehearsed  # whether nothing is changed
        self.connections = self._connections(host)
        self._progress = flags.text("progress", "auto")
        if self._progress not in _PROGRESS:
            raise Invalid(f"unsupported --progress value {self._progress!r}", hint=", ".join(_PROGRESS))
        self.quiet = self._progress == "quiet"  # whether steps are not told of
        self.raw = False  # whether variables are left as they are written
        self.unchecked = False  # whether references to what is not there are allowed

    def _connections(self, host: str) -> Connections:
        if not self.rehearsed:
            return Connections(host)
        from wherry.compose.rehearsal import Rehearsal

        return Rehearsal(host)

    @property
    def project(self) -> Project:
        """The loaded files; their warnings go to standard error once. Raises as `loading.load`."""
        if self._project is None:
            flags = self._flags
            self._project = loading.load(
                flags.every("file"),
                name=flags.text("project-name"),
                folder=flags.text("project-directory"),
                env_files=flags.every("env-file"),
                profiles=flags.every("profile"),
                interpolated=not self.raw,
                consistent=not self.unchecked,
            )
            for warning in self._project.warnings:
                print(f"WARNING: {warning}", file=sys.stderr)
        return self._project

    @property
    def name(self) -> str:
        """The project's name; with -p or COMPOSE_PROJECT_NAME no file is needed for it."""
        named = self._flags.text("project-name") or os.environ.get("COMPOSE_PROJECT_NAME", "")
        return named if named and self.files_missing() else self.project.name

    def hooks(self) -> Hooks:
        """What services want done before they are stopped; nothing where there are no files."""
        return {} if self.files_missing() else pre_stop(self.project.services)

    def files_missing(self) -> bool:
        """Whether there is no file to read, so that only the labels at the engine tell."""
        if self._flags.every("file"):
            return False
        try:
            loading.find(self._flags.text("project-directory") or ".", os.environ)
        except NotFound:
            return True
        return False

    def present(self, services: Sequence[str] = (), *, one_off: bool | None = False) -> list[Present]:
        """The project's containers, of these services. Raises NotFound for a service that nobody knows."""
        found = containers(self.connections.client, self.name, one_off=one_off)
        known = {one.service for one in found}
        if not self.files_missing():
            known |= {*self.project.services, *self.project.others}
        for service in services:
            if service not in known:
                raise NotFound(f"no such service: {service}")
        return [one for one in found if not services or one.service in services]

    def one(self, service: str, index: int = 0, *, running: bool = True, one_off: bool = False) -> Present:
        """A container of a service: the one with this number, else the first. Raises NotFound.

        `one_off`: also those of `run`.
        """
        every = self.present([service], one_off=None if one_off else False)
        found = [one for one in every if not index or one.number == index]
        if running:
            found = [one for one in found if one.state == "running"]
        if not found:
            which = f" container #{index}" if index else ""
            raise NotFound(f'service "{service}"{which} is not {"running" if running else "there"}')
        return found[0]

    def say(self, what: str, state: str) -> None:
        """A line about a step, on standard error. From any thread."""
        if self.quiet:
            return
        with self._lock:
            print(self._told(what, state), file=sys.stderr, flush=True)

    def _told(self, what: str, state: str) -> str:
        if self._progress == "json":
            mark = {"dry-run": True} if self.rehearsed else {}
            return json.dumps({**mark, "id": what, "status": state}, separators=(",", ":"))
        return f" {'DRY-RUN MODE -  ' if self.rehearsed else ''}{what}  {state}"


class ComposeInvocation(Invocation):
    """One run of a verb, with its project."""

    __slots__ = ("opened",)

    opened: Opened


def opened(invocation: Invocation) -> Opened:
    """The project that a verb works on."""
    assert isinstance(invocation, ComposeInvocation)
    return invocation.opened
