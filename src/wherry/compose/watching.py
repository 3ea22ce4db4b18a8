"""`develop.watch`: what changes in folders of this machine is brought into containers, or builds them anew.

Folders are looked through again and again: that works on every machine and file system, and takes no more
than a tenth of one processor's time.
"""

from __future__ import annotations

import io
import os
import posixpath
import stat
import tarfile
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from wherry.client.api import Client, query
from wherry.client.objects.connections import Connections
from wherry.compose.applying import Applying, Wanted
from wherry.compose.hooks import run_hooks
from wherry.compose.model import Project, Service
from wherry.compose.patterns import Patterns
from wherry.compose.present import Present, containers
from wherry.errors import Invalid, NotModified, WherryError

Say = Callable[[str, str], None]
Files = dict[str, tuple[int, int, int, int]]
_PAUSE = 0.25  # seconds between two looks at the least
# What editors and version control write beside the files that are meant.
_NEVER = Patterns(("**/.git", "**/.hg", "**/.svn", "**/*~", "**/*.swp", "**/*.swx", "**/.#*", "**/4913"))


class Change(NamedTuple):
    """Paths below a trigger's path, relative to it; `.` is the path itself where that is a file."""

    written: list[str]
    removed: list[str]


class Trigger:
    """One entry of `watch`, with what its files were when they were looked at last."""

    def __init__(self, service: Service, entry: dict[str, Any]) -> None:
        self.service = service
        self.action = str(entry["action"])
        self.path = str(entry["path"])
        self.target = str(entry.get("target") or "")
        self.hook: dict[str, Any] | None = entry.get("exec")
        self.initial = bool(entry.get("initial_sync"))
        self._ignore = Patterns(entry.get("ignore") or ())
        self._include = Patterns(entry.get("include") or ())
        self._seen = self.look()

    def look(self) -> Files:
        """The files there are: modification time, size, inode and mode by their relative path."""
        found: Files = {}
        try:
            status = os.stat(self.path)
        except OSError:
            return found
        if not stat.S_ISDIR(status.st_mode):
            return {".": _mark(status)}
        folders = [""]
        while folders:
            inside = folders.pop()
            try:
                entries = list(os.scandir(os.path.join(self.path, inside)))
            except OSError:
                continue  # it went meanwhile
            for entry in entries:
                name = posixpath.join(inside, entry.name)
                if _NEVER.match(name) or self._ignore.match(name):
                    continue
                try:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(name)
                    elif not self._include or self._include.match(name):
                        found[name] = _mark(entry.stat(follow_symlinks=False))
                except OSError:
                    continue
        return found

    def changes(self) -> Change | None:
        """What has changed since the last time; None when nothing has."""
        now = self.look()
        written = sorted(name for name, mark in now.items() if self._seen.get(name) != mark)
        removed = sorted(self._seen.keys() - now.keys())
        self._seen = now
        return Change(written, removed) if written or removed else None

    def everything(self) -> Change:
        """All files, as if they were written just now."""
        return Change(sorted(self._seen), [])


def _mark(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_mtime_ns, status.st_size, status.st_ino, status.st_mode


def triggers(project: Project, names: Iterable[str]) -> list[Trigger]:
    """The entries of these services, or of all. Raises Invalid when there are none."""
    chosen = list(names) or list(project.services)
    found = [
        Trigger(project.services[name], entry)
        for name in chosen
        if name in project.services
        for entry in (project.services[name].fields.get("develop") or {}).get("watch") or ()
    ]
    if not found:
        raise Invalid(
            "none of the selected services is configured for watch, consider setting a 'develop' section"
        )
    return found


class Watching:
    """One `watch`. `say(what, state)` is told of all that it does."""

    def __init__(self, connections: Connections, project: Project, names: Iterable[str], say: Say) -> None:
        self._connections = connections
        self._project = project
        self._say = say
        self.triggers = triggers(project, names)

    def first(self) -> None:
        """Bring in what entries with `initial_sync` name."""
        for trigger in self.triggers:
            if trigger.initial and trigger.action.startswith("sync"):
                self._sync(trigger, trigger.everything())

    def run(self, going: Callable[[], bool] = lambda: True) -> None:
        """Watch until `going` says otherwise, or for ever. A failing build or copy is told, and no end."""
        while going():
            begin = time.monotonic()
            for trigger in self.triggers:
                change = trigger.changes()
                if change is not None:
                    self._handle(trigger, change)
            time.sleep(max(_PAUSE, 9 * (time.monotonic() - begin)))

    def _handle(self, trigger: Trigger, change: Change) -> None:
        try:
            if trigger.action == "rebuild":
                self._rebuild(trigger)
            elif trigger.action == "restart":
                self._restart(trigger.service)
            else:
                self._sync(trigger, change)
                if trigger.action == "sync+restart":
                    self._restart(trigger.service)
                elif trigger.action == "sync+exec" and trigger.hook is not None:
                    for one in self._containers(trigger.service):
                        run_hooks(self._client, one.id, one.name, "watch", [trigger.hook])
        except WherryError as error:
            self._say(f"Service {trigger.service.name}", f"{trigger.action} failed: {error.message}")

    @property
    def _client(self) -> Client:
        return self._connections.client

    def _containers(self, service: Service) -> list[Present]:
        found = containers(self._client, self._project.name)
        return [one for one in found if one.service == service.name and one.state == "running"]

    def _rebuild(self, trigger: Trigger) -> None:
        name = trigger.service.name
        self._say(f"Service {name}", "Rebuilding, since files have changed")
        wanted = Wanted(services=[name], build=True, dependencies=False)
        Applying(self._connections, self._project, wanted, self._say).run()

    def _restart(self, service: Service) -> None:
        for one in self._containers(service):
            try:
                self._client.post(f"/containers/{one.id}/restart")
            except NotModified:
                pass
        self._say(f"Service {service.name}", "Restarted, since files have changed")

    def _sync(self, trigger: Trigger, change: Change) -> None:
        archive = packed(trigger, change.written)
        gone = [_inside(trigger, name) for name in change.removed]
        for one in self._containers(trigger.service):
            if change.written:
                path = f"/containers/{one.id}/archive" + query(path="/")
                response = self._client.upload("PUT", path, [archive])
                response.read()
                response.close()
            if gone:
                run_hooks(self._client, one.id, one.name, "watch", [{"command": ["rm", "-rf", "--", *gone]}])
        count = len(change.written) + len(change.removed)
        self._say(f"Service {trigger.service.name}", f"Synced {count} file{'s' if count != 1 else ''}")


def _inside(trigger: Trigger, name: str) -> str:
    return trigger.target if name == "." else posixpath.join(trigger.target, name)


def packed(trigger: Trigger, names: Iterable[str]) -> bytes:
    """An archive of files where they go in a container, owned by its root. What is gone again is left out."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", dereference=False) as archive:
        for name in names:
            source = trigger.path if name == "." else os.path.join(trigger.path, name)
            try:
                member = archive.gettarinfo(source, _inside(trigger, name).lstrip("/"))
                member.uid = member.gid = 0
                member.uname = member.gname = ""
                if member.isreg():
                    with open(source, "rb") as file:
                        archive.addfile(member, file)
                else:
                    archive.addfile(member)
            except OSError:
                continue
    return buffer.getvalue()
