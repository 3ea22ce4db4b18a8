"""The mounts of one RUN: what is bound where, what of it the key has, what is made and removed."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from collections.abc import Awaitable, Callable
from types import TracebackType

from wherry.build.agents import AgentSocket
from wherry.build.cache import make_key
from wherry.build.copying import Copying, pick
from wherry.build.mounts import StepMount
from wherry.build.request import OrderMount
from wherry.build.sources import Files
from wherry.build.state import State
from wherry.build.step import Room
from wherry.errors import Invalid
from wherry.store.apart import to_its_end

__all__ = ["Mounting"]


class Mounting:
    """A context manager around one step. `add` and `script` first; then `key` and `files` are complete;
    `prepare` makes what is to be bound, only when the step is really carried out."""

    def __init__(self, room: Room, state: State, files_of: Callable[[str], Awaitable[Files]]) -> None:
        self.mounts: list[OrderMount] = []
        self.variables: dict[str, str] = {}
        self.files: tuple[str, dict[str, str]] = ("", {})
        self._room = room
        self._state = state
        self._files_of = files_of
        self._keys: list[str] = []
        self._made: list[str] = []
        self._held: list[str] = []
        self._taken: list[str] = []
        self._sockets: list[AgentSocket] = []
        self._todo: list[tuple[StepMount, Files | None]] = []
        self._place = os.path.join(room.temporary, f"mounts-{os.urandom(6).hex()}")

    @property
    def key(self) -> str:
        """What the mounts add to the step's key."""
        return make_key(self._keys) if self._keys else ""

    async def __aenter__(self) -> Mounting:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        mounts = self._room.cache.mounts
        for name in self._held:
            mounts.free(name)
        for name in self._taken:
            await asyncio.to_thread(mounts.left, name)
        for one in self._sockets:
            await one.close()
        if self._todo:
            await asyncio.to_thread(shutil.rmtree, self._place, ignore_errors=True)

    async def add(self, mount: StepMount) -> None:
        """One more. Raises Invalid when its source is not there or a required secret is missing."""
        request = self._room.request
        target = self._state.absolute(mount.target) if mount.target else ""
        mount = mount._replace(target=target)
        if mount.kind == "secret":
            self._keys.append(f"secret {mount.id} {target} {mount.variable}")  # never its value
            if mount.id not in request.secrets:
                if mount.required:
                    raise Invalid(
                        f"secret {mount.id}: not found", hint=f"--secret id={mount.id},src=FILE gives it"
                    )
                return
            if mount.variable:
                self.variables[mount.variable] = request.secrets[mount.id].decode("utf-8", "surrogateescape")
        if mount.kind == "ssh":
            if mount.id not in request.agents:
                if mount.required:
                    raise Invalid(f"SSH agent {mount.id}: not found", hint=f"--ssh {mount.id} lends it")
                return
            mount = mount._replace(target=target or f"/run/buildkit/ssh_agent.{len(self._todo)}")
            self.variables.setdefault("SSH_AUTH_SOCK", mount.target)
        self._keys.append(f"{mount.kind} {target} {mount.source} {mount.id} {mount.read_only} {mount.size}")
        files: Files | None = None
        if mount.kind == "bind" or mount.origin:
            files = await self._files_of(mount.origin) if mount.origin else request.context
            if files is None:
                raise Invalid("there is no build context to bind")
        if mount.kind == "bind" and files is not None:
            digest, facts = await to_its_end(self._key_of, files, mount.source)
            self.files = (make_key(self.files[0], digest), {**self.files[1], **facts})
        self._todo.append((mount, files))

    def script(self, content: str) -> None:
        """A heredoc that is a program of its own."""
        name = content.partition("\n")[0]
        self._keys.append(f"script {name} {hashlib.sha256(content.encode()).hexdigest()}")
        self._todo.append((StepMount("script", "/dev/pipes/EOF", id=content), None))

    async def prepare(self) -> None:
        """Make what is to be bound."""
        os.makedirs(self._place, mode=0o700, exist_ok=True)
        locked = {_cache_name(mount) for mount, _ in self._todo if mount.sharing == "locked"}
        for name in sorted(locked):
            await self._hold(name)  # another build's step has it, for minutes perhaps
        for number, (mount, files) in enumerate(self._todo):
            if mount.kind == "tmpfs":
                self.mounts.append(OrderMount("tmpfs", mount.target, size=mount.size))
            elif mount.kind == "secret":
                if mount.target:
                    self._secret(number, mount)
            elif mount.kind == "ssh":
                self._agent(number, mount)
            elif mount.kind == "cache":
                await self._cache(mount, files)
            elif mount.kind == "script":
                self._write(number, mount.id.encode(), 0o755, 0, 0)
                self.mounts.append(
                    OrderMount("bind", mount.target, os.path.join(self._place, str(number)), read_only=True)
                )
            elif files is not None:
                await self._bind(mount, files)

    def _key_of(self, files: Files, source: str) -> tuple[str, dict[str, str]]:
        return self._copying(files, source).key()

    def _copying(self, files: Files, source: str) -> Copying:
        picked = pick(files, source or ".", instruction="RUN --mount")
        return Copying(picked, "/it", into=False, owner="", mode="", link=True, keep_owners=False)

    async def _bind(self, mount: StepMount, files: Files) -> None:
        copying = self._copying(files, mount.source)
        room = self._room

        def work() -> str:
            return room.store.layers.compose(copying.items(None, None, 0), room.lease).diff_id

        diff_id = await to_its_end(work)
        source = os.path.join(room.store.layers.path(diff_id), "it")
        if not mount.read_only:
            copy = os.path.join(self._place, f"writable-{len(self.mounts)}")
            await to_its_end(_copy, source, copy)
            source = copy
        await to_its_end(_see_to, source)
        self.mounts.append(OrderMount("bind", mount.target, source, read_only=mount.read_only))

    async def _cache(self, mount: StepMount, files: Files | None) -> None:
        mounts = self._room.cache.mounts
        name = _cache_name(mount)
        if mount.sharing == "private":
            number, first = 0, name
            while mounts.held(name):
                number += 1
                name = f"{first}-{number}"
            await self._hold(name)
        directory = mounts.path(name)
        self._taken.append(name)
        await to_its_end(mounts.taken, name, mount.id or mount.target)
        await to_its_end(self._fill, mount, files, directory)
        self.mounts.append(OrderMount("bind", mount.target, directory, read_only=mount.read_only))

    async def _hold(self, name: str) -> None:
        await self._room.cache.mounts.hold(name)
        self._held.append(name)

    def _fill(self, mount: StepMount, files: Files | None, directory: str) -> None:
        if os.path.isdir(directory):
            return
        os.makedirs(os.path.dirname(directory), mode=0o700, exist_ok=True)
        draft = os.path.join(self._place, f"cache-{os.urandom(4).hex()}")
        if files is not None:
            room = self._room
            items = self._copying(files, mount.source).items(None, None, 0)
            diff_id = room.store.layers.compose(items, room.lease).diff_id
            _copy(os.path.join(room.store.layers.path(diff_id), "it"), draft)
        else:
            os.mkdir(draft)
            os.chmod(draft, mount.mode if mount.mode is not None else 0o755)
            os.chown(draft, mount.uid, mount.gid)
        try:
            os.rename(draft, directory)
        except OSError:
            shutil.rmtree(draft, ignore_errors=True)  # another step was quicker

    def _agent(self, number: int, mount: StepMount) -> None:
        path = os.path.join(self._place, str(number))
        mode = mount.mode if mount.mode is not None else 0o600
        agent = self._room.request.agents[mount.id]
        self._sockets.append(AgentSocket(path, agent, uid=mount.uid, gid=mount.gid, mode=mode))
        self.mounts.append(OrderMount("bind", mount.target, path))

    def _secret(self, number: int, mount: StepMount) -> None:
        data = self._room.request.secrets[mount.id]
        mode = mount.mode if mount.mode is not None else 0o400
        self._write(number, data, mode, mount.uid, mount.gid)
        self.mounts.append(
            OrderMount("bind", mount.target, os.path.join(self._place, str(number)), read_only=True)
        )

    def _write(self, number: int, data: bytes, mode: int, uid: int, gid: int) -> None:
        path = os.path.join(self._place, str(number))
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            os.fchown(fd, uid, gid)
            os.fchmod(fd, mode)


def _cache_name(mount: StepMount) -> str:
    return make_key("cache mount", mount.id or mount.target)[:32]


def _copy(source: str, target: str) -> None:
    """A copy with links as links and modes as they are."""
    if os.path.isdir(source) and not os.path.islink(source):
        shutil.copytree(source, target, symlinks=True)
    else:
        shutil.copy2(source, target, follow_symlinks=False)


def _see_to(source: str) -> None:
    """An empty directory of a context leaves nothing in an archive."""
    if not os.path.lexists(source):
        os.makedirs(source)
