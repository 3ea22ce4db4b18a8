"""One container."""

from __future__ import annotations

import os
import posixpath
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from wherry.client import copying
from wherry.client.api import query
from wherry.client.codec import decode
from wherry.client.objects import archive, readiness
from wherry.client.objects.configuration import port_key, words
from wherry.client.objects.frames import Frames, Lines, gathered
from wherry.client.objects.image import AsyncImage, Image, ImageCore
from wherry.client.objects.operation import Awaiting, Blocking, Core, operation, reading, streaming
from wherry.client.objects.steps import Aside, Call, Exchange, Feed, Open, Steps, rest
from wherry.errors import Conflict, NotFound, NotModified, WherryError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wherry.client.objects.async_engine import AsyncEngine
    from wherry.client.objects.engine import Engine

I = TypeVar("I", bound=ImageCore)  # noqa: E741 — I for image


class ExecResult(NamedTuple):
    """What a command in a container came to."""

    code: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        """Standard output as text, without the white space around it."""
        return self.stdout.decode("utf-8", "replace").strip()


class CommandFailed(WherryError):
    """A command in a container ended with another code than 0; `result` has what it said."""

    def __init__(self, command: Sequence[str], result: ExecResult) -> None:
        said = result.stderr.decode("utf-8", "replace").strip()
        super().__init__(f"{' '.join(command)}: exit code {result.code}" + (f": {said}" if said else ""))
        self.result = result


class ContainerCore(Core, Generic[I]):
    """Holds only its id: every property asks the engine. Operations raise NotFound when it is gone."""

    _image: type[I]

    def __init__(self, engine: Any, identity: str, warnings: tuple[str, ...] = ()) -> None:
        self.engine = engine
        self.id = identity
        self.warnings = warnings
        self._driver = engine._driver

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id[:12]}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ContainerCore) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    @operation
    def inspect(self) -> Steps[dict[str, Any]]:
        """Everything that is known of it, as `GET /containers/{id}/json` says it."""
        return (yield from self._details())

    @reading
    def name(self) -> Steps[str]:
        """Its name."""
        return str((yield from self._details())["Name"]).removeprefix("/")

    @reading
    def status(self) -> Steps[str]:
        """created, running, paused, restarting, exited or dead."""
        return str((yield from self._details())["State"]["Status"])

    @reading
    def health(self) -> Steps[str]:
        """starting, healthy or unhealthy; `none` without a health check."""
        return str(((yield from self._details())["State"].get("Health") or {}).get("Status") or "none")

    @reading
    def exit_code(self) -> Steps[int | None]:
        """The exit code of a container that has ended; None while it runs."""
        state = (yield from self._details())["State"]
        return None if state["Running"] or state["Status"] == "created" else int(state["ExitCode"])

    @reading
    def labels(self) -> Steps[dict[str, str]]:
        """Its labels, with those of its image."""
        return dict((yield from self._details())["Config"].get("Labels") or {})

    @reading
    def image(self) -> Steps[I]:
        """The image that it was made from."""
        return self._image(self.engine, (yield from self._details())["Image"])

    @operation
    def address(self, port: int | str) -> Steps[tuple[str, int]]:
        """(host, port) where a container port is published. Raises NotFound when it is not, or no more."""
        return (yield from self._address(port))

    @operation
    def port(self, port: int | str) -> Steps[int]:
        """The port of this machine that leads to a container port."""
        return (yield from self._address(port))[1]

    @operation
    def ip(self, network: str = "") -> Steps[str]:
        """Its address on a network, or on its first one. Raises NotFound when it has none there."""
        networks = (yield from self._details())["NetworkSettings"].get("Networks") or {}
        chosen = [networks[network]] if network in networks else ([] if network else networks.values())
        for endpoint in chosen:
            if endpoint.get("IPAddress"):
                return str(endpoint["IPAddress"])
        raise NotFound(f"container {self.id[:12]} has no address" + (f" on {network}" if network else ""))

    @operation
    def start(self) -> Steps[None]:
        """Start it; done once its program runs. Does nothing when it runs already."""
        yield from self._post("start")

    @operation
    def stop(self, timeout: int | None = None, signal: str = "") -> Steps[None]:
        """End it: its stop signal, and after `timeout` seconds (10) SIGKILL. Done when it has ended."""
        yield from self._post("stop", t=str(timeout) if timeout is not None else None, signal=signal)

    @operation
    def restart(self, timeout: int | None = None) -> Steps[None]:
        """Stop it and start it again."""
        yield from self._post("restart", t=str(timeout) if timeout is not None else None)

    @operation
    def kill(self, signal: str = "SIGKILL") -> Steps[None]:
        """Send a signal. Raises Conflict when it does not run."""
        yield from self._post("kill", signal=signal)

    @operation
    def pause(self) -> Steps[None]:
        """Stop giving it time, until `unpause`."""
        yield from self._post("pause")

    @operation
    def unpause(self) -> Steps[None]:
        """Go on after `pause`."""
        yield from self._post("unpause")

    @operation
    def rename(self, name: str) -> Steps[None]:
        """Give it another name. Raises Conflict when that is taken."""
        yield from self._post("rename", name=name)

    @operation
    def wait(self) -> Steps[int]:
        """Wait until it has ended; its exit code."""
        channel = yield Open("POST", f"/containers/{self.id}/wait")
        return int(decode((yield from rest(channel)))["StatusCode"])

    @operation
    def remove(self, *, force: bool = False, volumes: bool = True) -> Steps[None]:
        """Remove it, with its anonymous volumes; `force` also while it runs. Nothing when it is gone."""
        yield from self._remove(force=force, volumes=volumes)

    @operation
    def exec(
        self,
        command: Sequence[str] | str,
        *,
        stdin: bytes | None = None,
        env: Mapping[str, str] | None = None,
        user: str = "",
        workdir: str = "",
        privileged: bool = False,
        check: bool = False,
    ) -> Steps[ExecResult]:
        """Run a command in it and wait for its end; `check` raises CommandFailed for a code other than 0."""
        argv = words(command)
        body = {"Cmd": argv, "AttachStdout": True, "AttachStderr": True, "AttachStdin": stdin is not None}
        body |= {"User": user, "WorkingDir": workdir, "Privileged": privileged}
        body["Env"] = [f"{name}={value}" for name, value in (env or {}).items()]
        identity = (yield Call("POST", f"/containers/{self.id}/exec", body))["Id"]
        output = yield Exchange(f"/exec/{identity}/start", {}, stdin)
        out, err = gathered([output], raw=False)
        code = int((yield Call("GET", f"/exec/{identity}/json"))["ExitCode"] or 0)
        result = ExecResult(code, out, err)
        if check and code:
            raise CommandFailed(argv, result)
        return result

    @operation
    def logs(
        self, *, stdout: bool = True, stderr: bool = True, tail: int | None = None, timestamps: bool = False
    ) -> Steps[str]:
        """What it has written so far, output and errors in the order they came."""
        raw = bool((yield from self._details())["Config"].get("Tty"))
        channel = yield Open("GET", self._log(stdout=stdout, stderr=stderr, tail=tail, timestamps=timestamps))
        written = Frames(raw=raw).feed((yield from rest(channel)))
        return b"".join(data for _, data in written).decode("utf-8", "replace")

    @streaming(str)
    def follow(self, *, tail: int | None = None, since: float | None = None) -> Steps[Feed]:
        """Its lines, those written so far and those to come, until it ends."""
        raw = bool((yield from self._details())["Config"].get("Tty"))
        path = self._log(stdout=True, stderr=True, tail=tail, since=since, follow=True)
        return Feed((yield Open("GET", path)), Lines(raw=raw))

    def _log(self, *, tail: int | None, **options: Any) -> str:
        return f"/containers/{self.id}/logs" + query(tail="all" if tail is None else str(tail), **options)

    @operation
    def top(self) -> Steps[list[dict[str, str]]]:
        """Its processes, each with the columns of `ps`."""
        answer = yield Call("GET", f"/containers/{self.id}/top")
        return [dict(zip(answer["Titles"], row, strict=False)) for row in answer["Processes"] or ()]

    @operation
    def stats(self) -> Steps[dict[str, Any]]:
        """What it uses at this moment, as the API says it."""
        options = query(stream="false", **{"one-shot": True})
        found: dict[str, Any] = yield Call("GET", f"/containers/{self.id}/stats{options}")
        return found

    @operation
    def diff(self) -> Steps[list[tuple[str, str]]]:
        """(A, C or D; path) of what was added, changed and deleted in its file system."""
        found = yield Call("GET", f"/containers/{self.id}/changes")
        return [("CAD"[entry["Kind"]], entry["Path"]) for entry in found or ()]

    @operation
    def copy_to(self, source: str | os.PathLike[str], target: str) -> Steps[None]:
        """Copy a file or folder into it, where `cp` would: into `target` where that is a folder."""
        path = os.fspath(source)
        yield Aside(lambda client: copying.copy_in(client, path, self.id, target, follow=False, owners=False))

    @operation
    def copy_from(self, source: str, target: str | os.PathLike[str]) -> Steps[None]:
        """Copy a file or folder out of it: to `target`, or into `target` where that is a folder."""
        path = os.fspath(target)
        yield Aside(
            lambda client: copying.copy_out(client, self.id, source, path, follow=False, owners=False)
        )

    @operation
    def write(self, target: str, content: bytes | str, *, mode: int = 0o644) -> Steps[None]:
        """Write a file in it; its folder must be there."""
        folder, name = posixpath.split(target)
        data = content.encode() if isinstance(content, str) else content
        path = f"/containers/{self.id}/archive" + query(path=folder or "/")
        channel = yield Open("PUT", path, pieces=[archive.packed_bytes(data, name, mode)])
        yield from rest(channel)

    @operation
    def read(self, source: str) -> Steps[bytes]:
        """The content of a file in it. Raises NotFound, and Invalid for a folder."""
        channel = yield Open("GET", f"/containers/{self.id}/archive" + query(path=source))
        return archive.only_file([(yield from rest(channel))])

    @operation
    def commit(self, name: str = "", *, message: str = "", changes: Sequence[str] = ()) -> Steps[I]:
        """An image of its present file system; `changes` are Dockerfile instructions, e.g. `CMD ["x"]`."""
        path = "/commit" + query(container=self.id, repo=name, comment=message)
        path += "".join(query(changes=change).replace("?", "&") for change in changes)
        return self._image(self.engine, (yield Call("POST", path))["Id"])

    @operation
    def wait_until_healthy(self, timeout: float = 60) -> Steps[None]:
        """Wait until its health check agrees. Raises Unavailable after `timeout` s, or when it ends."""
        yield from readiness.until_healthy(self.id, timeout)

    @operation
    def wait_for_port(self, port: int | str, timeout: float = 60) -> Steps[tuple[str, int]]:
        """Wait until something answers on a published port; where. Raises Unavailable."""
        return (yield from readiness.until_port(self, port, timeout))

    @operation
    def wait_for_log(self, text: str, timeout: float = 60) -> Steps[str]:
        """Wait until it writes a line that matches a regular expression; the line. Raises Unavailable."""
        return (yield from readiness.until_line(self.id, text, timeout))

    def _leave(self) -> Steps[None]:
        yield from self._remove(force=True, volumes=True)

    def _details(self) -> Steps[dict[str, Any]]:
        return readiness.details(self.id)

    def _address(self, port: int | str) -> Steps[tuple[str, int]]:
        found = ((yield from self._details())["NetworkSettings"].get("Ports") or {}).get(port_key(port))
        if not found:
            raise NotFound(
                f"port {port} of container {self.id[:12]} is not published",
                hint="run(…, ports=[…]) publishes it; a container that has ended has no ports",
            )
        host = found[0].get("HostIp") or ""
        return (
            "127.0.0.1" if host in ("", "0.0.0.0", "::") else host,  # noqa: S104 — asked for, not bound
            int(found[0]["HostPort"]),
        )

    def _remove(self, *, force: bool, volumes: bool) -> Steps[None]:
        try:
            yield Call("DELETE", f"/containers/{self.id}" + query(force=force, v=volumes))
        except NotFound:
            pass
        except Conflict as error:
            if "already in progress" not in error.message:
                raise

    def _post(self, what: str, **values: Any) -> Steps[None]:
        try:
            yield Call("POST", f"/containers/{self.id}/{what}{query(**values)}")
        except NotModified:
            pass


class Container(ContainerCore[Image], Blocking):
    """A container, running or not. As a context manager it is removed at the end.

    Holds only its id: every property asks the engine. Methods raise NotFound when it is gone.
    """

    engine: Engine
    _image = Image


class AsyncContainer(ContainerCore[AsyncImage], Awaiting):
    """A container, with operations and properties to await; as a context manager it is removed at the end."""

    engine: AsyncEngine
    _image = AsyncImage
