"""Everything that can be asked of containers: one method a verb, each a door to the module that does it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import Any

from wherry.errors import Unsupported

from ..attachment import Attachment
from ..filters import Filters
from ..models import (
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


class Containers:
    """The containers of this engine.

    `ref` is a name (with or without the leading slash), a full id or a unique prefix of one. Every
    method raises `NotFound` ("No such container: x") for an unknown one and `Invalid` for an ambiguous
    prefix. Coroutines never block the loop for longer than a short database write.
    """

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
        raise Unsupported("create is not wired yet")

    async def start(self, ref: str) -> None:
        """Run a created or exited container; returns when its program has been executed.

        Raises `NotModified` when it runs already, `Conflict` when it is paused or being removed, and
        `runtime.RuntimeFailure` (with Docker's text; status 400 for a bad command, else 500) when it can't.
        """
        raise Unsupported("start is not wired yet")

    async def stop(self, ref: str, *, grace: int | None = None, signal: str = "") -> None:
        """Send the stop signal, wait up to `grace` seconds (None: the container's own, else 10; -1: for
        ever), then kill. Raises `NotModified` when it is not running."""
        raise Unsupported("stop is not wired yet")

    async def restart(self, ref: str, *, grace: int | None = None, signal: str = "") -> None:
        """Stop (if running) and start."""
        raise Unsupported("restart is not wired yet")

    async def kill(self, ref: str, signal: str = "SIGKILL") -> None:
        """Send a signal, by name or number. Raises `Conflict` when not running, `Invalid` for no such
        signal."""
        raise Unsupported("kill is not wired yet")

    async def pause(self, ref: str) -> None:
        """Freeze every process. Raises `Conflict` when not running or already paused."""
        raise Unsupported("pause is not wired yet")

    async def unpause(self, ref: str) -> None:
        """Let the processes go on. Raises `Conflict` when not paused."""
        raise Unsupported("unpause is not wired yet")

    async def rename(self, ref: str, name: str) -> None:
        """Give another name. Raises `Conflict` when it is taken, `Invalid` when it is malformed or the
        same."""
        raise Unsupported("rename is not wired yet")

    async def update(self, ref: str, changes: UpdateConfig) -> ContainerUpdated:
        """Change limits and the restart policy, at once when it runs."""
        raise Unsupported("update is not wired yet")

    async def remove(
        self, ref: str, *, force: bool = False, volumes: bool = False, link: bool = False
    ) -> None:
        """Remove it: record, layer, logs; with `volumes` its anonymous volumes too; with `force` also
        when it runs (killed first). Raises `Conflict` when it runs or when a removal is under way."""
        raise Unsupported("remove is not wired yet")

    def wait(self, ref: str, condition: str = "not-running") -> Awaitable[ContainerWaited]:
        """Register a waiter at once (before this returns) and hand out what to await.

        `condition` is "not-running", "next-exit" or "removed" ("" is the first). Raises at once.
        """
        raise Unsupported("wait is not wired yet")

    async def top(self, ref: str, ps_args: str = "-ef") -> ContainerTop:
        """The processes, in the columns that `ps` with these arguments prints. Raises `Conflict` when not
        running."""
        raise Unsupported("top is not wired yet")

    def stats(
        self, ref: str, *, stream: bool = True, one_shot: bool = False
    ) -> AsyncIterator[dict[str, Any]]:
        """Docker's stats objects: one a second while `stream`, else one (after two readings a second apart,
        unless `one_shot`). A stopped container gives one empty object. Raises at once for an unknown
        one."""
        raise Unsupported("stats is not wired yet")

    async def logs(
        self,
        ref: str,
        *,
        stdout: bool = True,
        stderr: bool = True,
        follow: bool = False,
        since: float = 0,
        until: float = 0,
        timestamps: bool = False,
        details: bool = False,
        tail: int | None = None,
    ) -> AsyncIterator[bytes]:
        """The output so far, framed as Docker sends it (raw with a terminal); while `follow`, what comes.

        `since` and `until` are seconds since 1970, 0 for none; `tail` counts lines, None for all.
        Raises before the first byte: `Invalid` when neither stream is wanted, `Unsupported` when the
        log driver can't be read.
        """
        raise Unsupported("logs is not wired yet")

    async def attach(
        self,
        ref: str,
        *,
        stdin: bool = False,
        stdout: bool = False,
        stderr: bool = False,
        logs: bool = False,
        stream: bool = True,
        detach_keys: str = "",
    ) -> Attachment:
        """Connect to the streams, before or after the start. Raises `Conflict` when paused or stopped."""
        raise Unsupported("attach is not wired yet")

    async def resize(self, ref: str, height: int, width: int) -> None:
        """Set the terminal's size. Raises `Conflict` when not running."""
        raise Unsupported("resize is not wired yet")

    async def inspect(self, ref: str, *, size: bool = False) -> ContainerInspect:
        """All about one container; with `size` the bytes of its writable layer and of the whole."""
        raise Unsupported("inspect is not wired yet")

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
        raise Unsupported("list is not wired yet")

    async def prune(self, filters: Filters | None = None) -> ContainersPruned:
        """Remove all that are not running; filters `until`, `label`, `label!`."""
        raise Unsupported("prune is not wired yet")

    async def stat_path(self, ref: str, path: str) -> PathStat:
        """What is at `path` inside, links resolved inside. Raises `NotFound`
        ("Could not find the file x in container y")."""
        raise Unsupported("stat_path is not wired yet")

    async def copy_out(self, ref: str, path: str) -> tuple[PathStat, AsyncIterator[bytes]]:
        """A tar archive of what is at `path` inside. Raises as `stat_path`."""
        raise Unsupported("copy_out is not wired yet")

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
        raise Unsupported("copy_in is not wired yet")

    async def changes(self, ref: str) -> Sequence[FilesystemChange]:
        """What the writable layer changed."""
        raise Unsupported("changes is not wired yet")

    async def export(self, ref: str) -> AsyncIterator[bytes]:
        """The whole root filesystem as a tar archive, without volumes."""
        raise Unsupported("export is not wired yet")

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
        raise Unsupported("commit is not wired yet")
