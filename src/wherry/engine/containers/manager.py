"""Everything that can be asked of containers: one method a verb, each a door to the module that does it.

What the first `run` needs is loaded at once; what it does not need is loaded when it is first asked for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import TYPE_CHECKING, Any

from wherry.errors import Conflict, Unsupported

from ..attachment import Attachment, Hijack
from ..filters import Filters
from ..models import (
    Confinement,
    ContainerConfig,
    ContainerCreated,
    ContainerInspect,
    ContainersPruned,
    ContainerSummary,
    ContainerTop,
    ContainerUpdated,
    ContainerWaited,
    FilesystemChange,
    HostConfig,
    NetworkingConfig,
    PathStat,
    UpdateConfig,
)
from ..signals import parse_signal
from . import attach, start, stop
from .create import create
from .remove import remove
from .room import Room
from .wait import wait

if TYPE_CHECKING:
    from ..spec.explain import Line


class Containers:
    """The containers of this engine.

    `ref` is a name (with or without the leading slash), a full id or a unique prefix of one. Every
    method raises `NotFound` ("No such container: x") for an unknown one and `Invalid` for an ambiguous
    prefix. Coroutines never block the loop for longer than a short database write.
    """

    def __init__(self, room: Room) -> None:
        self._room = room
        self._find = room.registry.find

    async def create(
        self,
        config: ContainerConfig,
        host: HostConfig,
        networking: NetworkingConfig,
        *,
        name: str = "",
        platform: str = "",
    ) -> ContainerCreated:
        """Make a container: its record, writable layer and volumes. Nothing is left behind when it fails.

        Raises `NotFound` ("No such image: x"), `Conflict` (the name is taken), `Invalid`, `Unsupported`.
        """
        return await self._room.finish(
            create(self._room, config, host, networking, name=name, platform=platform), "create"
        )

    async def start(self, ref: str) -> None:
        """Run a created or exited container; returns when its program has been executed.

        Raises `NotModified` when it runs already, `Conflict` when it is paused or being removed, and
        `runtime.RuntimeFailure` (with Docker's text; status 400 for a bad command, else 500) when it can't.
        """
        container = self._find(ref)
        await self._room.finish(start.start(self._room, container), f"start of {container.name}")

    async def stop(self, ref: str, *, grace: int | None = None, signal: str = "") -> None:
        """Send the stop signal, wait up to `grace` seconds (None: the container's own, else 10; -1: for
        ever), then kill. Raises `NotModified` when it is not running."""
        await stop.stop(self._room, self._find(ref), grace=grace, signal_name=signal)

    async def restart(self, ref: str, *, grace: int | None = None, signal: str = "") -> None:
        """Stop (if running) and start."""
        container = self._find(ref)
        await self._room.finish(
            stop.restart(self._room, container, grace=grace, signal_name=signal),
            f"restart of {container.name}",
        )

    async def kill(self, ref: str, signal: str = "SIGKILL") -> None:
        """Send a signal, by name or number. Raises `Conflict` when not running, `Invalid` for no such
        signal."""
        await stop.kill(self._room, self._find(ref), parse_signal(signal))

    async def pause(self, ref: str) -> None:
        """Freeze every process. Raises `Conflict` when not running or already paused."""
        from . import freeze

        await freeze.pause(self._room, self._find(ref))

    async def unpause(self, ref: str) -> None:
        """Let the processes go on. Raises `Conflict` when not paused."""
        from . import freeze

        await freeze.unpause(self._room, self._find(ref))

    async def rename(self, ref: str, name: str) -> None:
        """Give another name. Raises `Conflict` when it is taken, `Invalid` when it is malformed or the
        same."""
        from .rename import rename

        await rename(self._room, self._find(ref), name)

    async def update(self, ref: str, changes: UpdateConfig) -> ContainerUpdated:
        """Change limits and the restart policy, at once when it runs."""
        from .update import update

        return await update(self._room, self._find(ref), changes)

    async def remove(
        self, ref: str, *, force: bool = False, volumes: bool = False, link: bool = False
    ) -> None:
        """Remove it: record, layer, logs; with `volumes` its anonymous volumes too; with `force` also
        when it runs (killed first). Raises `Conflict` when it runs or when a removal is under way."""
        if link:
            raise Unsupported("links are not removed by themselves", hint="remove the container instead")
        container = self._find(ref)
        await self._room.finish(
            remove(self._room, container, force=force, volumes=volumes), f"removal of {container.name}"
        )

    def wait(self, ref: str, condition: str = "not-running") -> Awaitable[ContainerWaited]:
        """Register a waiter at once (before this returns) and hand out what to await.

        `condition` is "not-running", "next-exit" or "removed" ("" is the first). Raises at once.
        """
        return wait(self._find(ref), condition)

    async def top(self, ref: str, ps_args: str = "-ef") -> ContainerTop:
        """The processes, in the columns that `ps` with these arguments prints. Raises `Conflict` when not
        running."""
        from . import top

        return await top.top(self._room, self._find(ref), ps_args)

    def stats(
        self, ref: str, *, stream: bool = True, one_shot: bool = False
    ) -> AsyncIterator[dict[str, Any]]:
        """Docker's stats objects: one a second while `stream`, else one (after two readings a second apart,
        unless `one_shot`). A stopped container gives one empty object. Raises at once for an unknown
        one."""
        from . import stats

        return stats.stats(self._room, self._find(ref), stream=stream, one_shot=one_shot)

    async def logs(
        self,
        ref: str,
        *,
        stdout: bool = True,
        stderr: bool = True,
        follow: bool = False,
        since: int = 0,
        until: int = 0,
        timestamps: bool = False,
        details: bool = False,
        tail: int | None = None,
    ) -> AsyncIterator[bytes]:
        """The output so far, framed as Docker sends it (raw with a terminal); while `follow`, what comes.

        `since` and `until` are nanoseconds since 1970, 0 for none; `tail` counts lines, None for all.
        Raises before the first byte: `Invalid` when neither stream is wanted, `Unsupported` when the
        log driver can't be read.
        """
        from wherry.supervisor.logs.selection import Selection

        from .logs import logs

        selection = Selection(
            stdout=stdout,
            stderr=stderr,
            since=since,
            until=until,
            tail=-1 if tail is None else tail,
        )
        return await logs(
            self._room,
            self._find(ref),
            selection=selection,
            following=follow,
            timestamps=timestamps,
            details=details,
        )

    async def attach(
        self,
        ref: str,
        *,
        stdin: bool = False,
        stdout: bool = False,
        stderr: bool = False,
        logs: bool = False,
        stream: bool = True,
    ) -> Attachment:
        """Connect to the streams, before or after the start. Raises `Conflict` when it is paused."""
        if logs or not stream:
            return await attach.replay(
                self._room,
                self._find(ref),
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                logs=logs,
                stream=stream,
            )
        return await attach.attach(self._room, self._find(ref), stdin=stdin, stdout=stdout, stderr=stderr)

    async def hand_over(
        self,
        ref: str,
        hijack: Hijack,
        *,
        stdin: bool = False,
        stdout: bool = False,
        stderr: bool = False,
        detach_keys: bytes = b"",
    ) -> None:
        """Attach a client's own connection, before or after the start. Raises as `attach`, before `hijack`
        is called; afterwards only what keeps the supervisor from serving it."""
        await attach.hand_over(
            self._room, self._find(ref), hijack, stdin=stdin, stdout=stdout, stderr=stderr, keys=detach_keys
        )

    async def resize(self, ref: str, height: int, width: int) -> None:
        """Set the terminal's size. Raises `Conflict` when not running."""
        container = self._find(ref)
        if not container.condition.alive:
            raise Conflict(f"Container {container.id} is not running")
        await self._room.supervisor.resize(container.id, rows=height, columns=width)
        self._room.event(container, "resize", height=str(height), width=str(width))

    async def inspect(self, ref: str, *, size: bool = False) -> ContainerInspect:
        """All about one container; with `size` the bytes of its writable layer and of the whole."""
        from .inspecting import inspect

        return await inspect(self._room, self._find(ref), size=size)

    def explain(self, ref: str) -> Sequence[Line]:
        """How it is confined, or was when it last ran: one line a wall; "given up" says what it lacks."""
        from ..spec.explain import explain

        container = self._find(ref)
        return explain(container.condition.confinement or Confinement(), container.plan.host)

    async def list(
        self,
        *,
        show_all: bool = False,
        limit: int = 0,
        size: bool = False,
        filters: Filters | None = None,
    ) -> Sequence[ContainerSummary]:
        """Newest first; running ones only, unless `show_all`, `limit` or a filter on state asks for
        more."""
        from .listing import listed

        return await listed(self._room, show_all=show_all, limit=limit, size=size, filters=filters or {})

    async def prune(self, filters: Filters | None = None) -> ContainersPruned:
        """Remove all that are not running; filters `until`, `label`, `label!`."""
        from .prune import prune

        return await prune(self._room, filters or {})

    async def stat_path(self, ref: str, path: str) -> PathStat:
        """What is at `path` inside, links resolved inside. Raises `NotFound`
        ("Could not find the file x in container y")."""
        from . import files

        return await files.stat_path(self._room, self._find(ref), path)

    async def copy_out(self, ref: str, path: str) -> tuple[PathStat, AsyncIterator[bytes]]:
        """A tar archive of what is at `path` inside. Raises as `stat_path`."""
        from . import files

        return await files.copy_out(self._room, self._find(ref), path)

    async def copy_in(
        self,
        ref: str,
        path: str,
        archive: AsyncIterator[bytes],
        *,
        no_overwrite_dir_non_dir: bool = False,
        copy_uid_gid: bool = False,
    ) -> None:
        """Unpack a tar archive (plain, gzip, zstd) into the directory `path` inside. Raises `NotFound`,
        `Invalid` (not a directory, a hostile archive), `Forbidden` (read-only root or volume)."""
        from . import files

        await files.copy_in(
            self._room,
            self._find(ref),
            path,
            archive,
            no_overwrite_dir_non_dir=no_overwrite_dir_non_dir,
            copy_uid_gid=copy_uid_gid,
        )

    async def changes(self, ref: str) -> Sequence[FilesystemChange]:
        """What the writable layer changed."""
        from . import layers

        return await layers.changes(self._room, self._find(ref))

    async def export(self, ref: str) -> AsyncIterator[bytes]:
        """The whole root filesystem as a tar archive, without volumes."""
        from . import layers

        return await layers.export(self._room, self._find(ref))

    async def commit(
        self,
        ref: str,
        *,
        repo: str = "",
        tag: str = "",
        comment: str = "",
        author: str = "",
        pause: bool = True,
        changes: Sequence[str] | None = None,
        config: ContainerConfig | None = None,
    ) -> str:
        """Make an image of it and return the image's id ("sha256:…"). `changes` are Dockerfile lines."""
        from . import layers

        return await layers.commit(
            self._room,
            self._find(ref),
            repo=repo,
            tag=tag,
            comment=comment,
            author=author,
            pause=pause,
            changes=changes or (),
            config=config,
        )
