"""One container."""

from __future__ import annotations

import os
import posixpath
from typing import TYPE_CHECKING, Any, NamedTuple

from wherry.client import copying
from wherry.client.api import query
from wherry.client.objects import archive, waiting
from wherry.client.objects.configuration import port_key, words
from wherry.client.objects.frames import gathered, lines, received, split
from wherry.client.objects.image import Image
from wherry.errors import Conflict, NotFound, NotModified, WherryError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType
    from typing import Self

    from wherry.client.objects.engine import Engine

_UPGRADE = {"Connection": "Upgrade", "Upgrade": "tcp"}


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


class Container:
    """A container, running or not. As a context manager it is removed at the end.

    Holds only its id: every property asks the engine. Methods raise NotFound when it is gone.
    """

    def __init__(self, engine: Engine, identity: str, warnings: tuple[str, ...] = ()) -> None:
        self.engine = engine
        self.id = identity
        self.warnings = warnings

    def __repr__(self) -> str:
        return f"<Container {self.id[:12]}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Container) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def inspect(self) -> dict[str, Any]:
        """Everything that is known of it, as `GET /containers/{id}/json` says it."""
        found: dict[str, Any] = self._get("json")
        return found

    @property
    def name(self) -> str:
        return str(self.inspect()["Name"]).removeprefix("/")

    @property
    def status(self) -> str:
        """created, running, paused, restarting, exited or dead."""
        return str(self.inspect()["State"]["Status"])

    @property
    def health(self) -> str:
        """starting, healthy or unhealthy; `none` without a health check."""
        return str((self.inspect()["State"].get("Health") or {}).get("Status") or "none")

    @property
    def exit_code(self) -> int | None:
        """The exit code of a container that has ended; None while it runs."""
        state = self.inspect()["State"]
        return None if state["Running"] or state["Status"] == "created" else int(state["ExitCode"])

    @property
    def labels(self) -> dict[str, str]:
        return dict(self.inspect()["Config"].get("Labels") or {})

    @property
    def image(self) -> Image:
        return Image(self.engine, self.inspect()["Image"])

    def address(self, port: int | str) -> tuple[str, int]:
        """(host, port) where a container port is published. Raises NotFound when it is not, or no more."""
        found = (self.inspect()["NetworkSettings"].get("Ports") or {}).get(port_key(port))
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

    def port(self, port: int | str) -> int:
        """The port of this machine that leads to a container port."""
        return self.address(port)[1]

    def ip(self, network: str = "") -> str:
        """Its address on a network, or on its first one. Raises NotFound when it has none there."""
        networks = self.inspect()["NetworkSettings"].get("Networks") or {}
        chosen = [networks[network]] if network in networks else ([] if network else networks.values())
        for endpoint in chosen:
            if endpoint.get("IPAddress"):
                return str(endpoint["IPAddress"])
        raise NotFound(f"container {self.id[:12]} has no address" + (f" on {network}" if network else ""))

    def start(self) -> None:
        """Start it; returns once its program runs. Does nothing when it runs already."""
        self._post("start")

    def stop(self, timeout: int | None = None, signal: str = "") -> None:
        """End it: its stop signal, and after `timeout` seconds (10) SIGKILL. Blocks until it has ended."""
        self._post("stop", t=str(timeout) if timeout is not None else None, signal=signal)

    def restart(self, timeout: int | None = None) -> None:
        self._post("restart", t=str(timeout) if timeout is not None else None)

    def kill(self, signal: str = "SIGKILL") -> None:
        """Send a signal. Raises Conflict when it does not run."""
        self._post("kill", signal=signal)

    def pause(self) -> None:
        self._post("pause")

    def unpause(self) -> None:
        self._post("unpause")

    def rename(self, name: str) -> None:
        self._post("rename", name=name)

    def wait(self) -> int:
        """Block until it has ended; its exit code."""
        pending = self.engine.client.begin("POST", f"/containers/{self.id}/wait")
        try:
            return int(pending.response().json()["StatusCode"])
        finally:
            pending.close()

    def remove(self, *, force: bool = False, volumes: bool = True) -> None:
        """Remove it, with its anonymous volumes; `force` also while it runs. Nothing when it is gone."""
        try:
            self.engine.client.delete(f"/containers/{self.id}" + query(force=force, v=volumes))
        except NotFound:
            pass
        except Conflict as error:
            if "already in progress" not in error.message:
                raise

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
    ) -> ExecResult:
        """Run a command in it and wait for its end; `check` raises CommandFailed for a code other than 0."""
        argv = words(command)
        body = {"Cmd": argv, "AttachStdout": True, "AttachStderr": True, "AttachStdin": stdin is not None}
        body |= {"User": user, "WorkingDir": workdir, "Privileged": privileged}
        body["Env"] = [f"{name}={value}" for name, value in (env or {}).items()]
        identity = self.engine.client.post(f"/containers/{self.id}/exec", body)["Id"]
        pending = self.engine.client.begin("POST", f"/exec/{identity}/start", {}, headers=_UPGRADE)
        stream, left = pending.upgraded()
        if stdin is None:
            out, err = gathered(received(stream, left), raw=False)
        else:
            out, err = waiting.exchange(stream, left, stdin)
        code = int(self.engine.client.get(f"/exec/{identity}/json")["ExitCode"] or 0)
        result = ExecResult(code, out, err)
        if check and code:
            raise CommandFailed(argv, result)
        return result

    def logs(
        self, *, stdout: bool = True, stderr: bool = True, tail: int | None = None, timestamps: bool = False
    ) -> str:
        """What it has written so far, output and errors in the order they came."""
        found = self._log(stdout=stdout, stderr=stderr, tail=tail, timestamps=timestamps)
        return b"".join(data for _, data in found).decode("utf-8", "replace")

    def follow(self, *, tail: int | None = None, since: float | None = None) -> Iterator[str]:
        """Its lines, those written so far and those to come, until it ends. Blocks between lines."""
        found = self._log(stdout=True, stderr=True, tail=tail, since=since, follow=True)
        return lines(data for _, data in found)

    def _log(self, *, tail: int | None, **options: Any) -> Iterator[tuple[int, bytes]]:
        raw = bool(self.inspect()["Config"].get("Tty"))
        path = f"/containers/{self.id}/logs" + query(tail="all" if tail is None else str(tail), **options)
        response = self.engine.client.stream("GET", path)
        try:
            yield from split(response.chunks(), raw=raw)
        finally:
            response.close()

    def top(self) -> list[dict[str, str]]:
        """Its processes, each with the columns of `ps`."""
        answer = self._get("top")
        return [dict(zip(answer["Titles"], row, strict=False)) for row in answer["Processes"] or ()]

    def stats(self) -> dict[str, Any]:
        """What it uses at this moment, as the API says it."""
        found: dict[str, Any] = self._get("stats", stream="false", **{"one-shot": True})
        return found

    def diff(self) -> list[tuple[str, str]]:
        """(A, C or D; path) of what was added, changed and deleted in its file system."""
        return [("CAD"[entry["Kind"]], entry["Path"]) for entry in self._get("changes") or ()]

    def copy_to(self, source: str | os.PathLike[str], target: str) -> None:
        """Copy a file or folder into it, where `cp` would: into `target` where that is a folder."""
        copying.copy_in(self.engine.client, os.fspath(source), self.id, target, follow=False, owners=False)

    def copy_from(self, source: str, target: str | os.PathLike[str]) -> None:
        """Copy a file or folder out of it: to `target`, or into `target` where that is a folder."""
        copying.copy_out(self.engine.client, self.id, source, os.fspath(target), follow=False, owners=False)

    def write(self, target: str, content: bytes | str, *, mode: int = 0o644) -> None:
        """Write a file in it; its folder must be there."""
        folder, name = posixpath.split(target)
        data = content.encode() if isinstance(content, str) else content
        self._put([archive.packed_bytes(data, name, mode)], folder)

    def read(self, source: str) -> bytes:
        """The content of a file in it. Raises NotFound, and Invalid for a folder."""
        response = self.engine.client.stream("GET", f"/containers/{self.id}/archive" + query(path=source))
        try:
            return archive.only_file(response.chunks())
        finally:
            response.close()

    def _put(self, pieces: Any, folder: str) -> None:
        path = f"/containers/{self.id}/archive" + query(path=folder or "/")
        response = self.engine.client.upload("PUT", path, pieces)
        response.read()
        response.close()

    def commit(self, name: str = "", *, message: str = "", changes: Sequence[str] = ()) -> Image:
        """An image of its present file system; `changes` are Dockerfile instructions, e.g. `CMD ["x"]`."""
        path = "/commit" + query(container=self.id, repo=name, comment=message)
        path += "".join(query(changes=change).replace("?", "&") for change in changes)
        return Image(self.engine, self.engine.client.post(path)["Id"])

    def wait_until_healthy(self, timeout: float = 60) -> None:
        """Block until its health check agrees. Raises Unavailable after `timeout` s, or when it ends."""
        waiting.until_healthy(self, timeout)

    def wait_for_port(self, port: int | str, timeout: float = 60) -> tuple[str, int]:
        """Block until something answers on a published port; where. Raises Unavailable."""
        return waiting.until_port(self, port, timeout)

    def wait_for_log(self, text: str, timeout: float = 60) -> str:
        """Block until it writes a line that matches a regular expression; the line. Raises Unavailable."""
        return waiting.until_line(self, text, timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.remove(force=True)

    def _get(self, what: str, **values: Any) -> Any:
        return self.engine.client.get(f"/containers/{self.id}/{what}{query(**values)}")

    def _post(self, what: str, **values: Any) -> None:
        try:
            self.engine.client.post(f"/containers/{self.id}/{what}{query(**values)}")
        except NotModified:
            pass
