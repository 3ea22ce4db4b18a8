"""Applications of several containers in the Python API."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from wherry.client.objects.async_engine import AsyncEngine
from wherry.client.objects.container import AsyncContainer, Container
from wherry.client.objects.engine import Engine
from wherry.compose.applying import Applying, Wanted
from wherry.compose.hooks import pre_stop
from wherry.compose.loading import load
from wherry.compose.present import containers
from wherry.compose.removing import down
from wherry.errors import NotFound

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from wherry.client.api import Client
    from wherry.client.objects.connections import Connections
    from wherry.compose.model import Project

Files = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


class Where(TypedDict, total=False):
    """What the files alone do not say.

    The project's `name` and `folder` (that of the first file), `.env` files, the `profiles` chosen, and an
    `environment` laid over that of this program.
    """

    name: str
    folder: str | os.PathLike[str]
    env_files: Sequence[str]
    profiles: Sequence[str]
    environment: Mapping[str, str]


class How(TypedDict, total=False):
    """How an application is brought up.

    `wait` (True): until all is running and healthy, for at most `timeout` seconds (0: endless).
    `build`: images are built again. `pull`: always, missing or never. `scale`: how many containers of a
    service. `force_recreate`: make all anew.
    """

    wait: bool
    timeout: float
    build: bool
    pull: str
    scale: Mapping[str, int]
    force_recreate: bool


class WhereAndHow(Where, How, total=False):
    """All that `up` takes."""


class _Described:
    """The files of an application, loaded. Raises as `wherry.compose.loading.load`."""

    def __init__(self, files: Files, where: Where) -> None:
        listed = [files] if isinstance(files, (str, os.PathLike)) else files
        environment = where.get("environment")
        self.project: Project = load(
            [os.fspath(file) for file in listed],
            name=where.get("name", ""),
            folder=os.fspath(where.get("folder", "")),
            env_files=where.get("env_files", ()),
            profiles=where.get("profiles", ()),
            environment=None if environment is None else {**os.environ, **environment},
        )

    @property
    def name(self) -> str:
        """The project's name, which its containers' names begin with."""
        return self.project.name

    @property
    def services(self) -> list[str]:
        """The names of the services whose profiles are chosen."""
        return list(self.project.services)

    def _up(self, connections: Connections, wanted: Wanted) -> None:
        Applying(connections, self.project, wanted, _silent).run()

    def _down(self, connections: Connections, *, volumes: bool, timeout: int | None) -> None:
        external = frozenset(one.name for one in self.project.volumes.values() if one.external)
        down(
            connections,
            self.name,
            _silent,
            timeout=timeout,
            volumes=volumes,
            external=external,
            hooks=pre_stop(self.project.services),
        )

    def _ids(self, client: Client, service: str) -> list[str]:
        if service and service not in self.project.services:
            raise NotFound(f"no such service: {service}")
        found = containers(client, self.name)
        return [one.id for one in found if service in ("", one.service)]


def _silent(_what: str, _state: str) -> None:
    """Nobody is told of the steps."""


def _wanted(services: Sequence[str], how: How) -> Wanted:
    unknown = set(how) - set(How.__annotations__)
    if unknown:
        raise TypeError(f"unknown option: {', '.join(sorted(unknown))}")
    return Wanted(
        services=tuple(services),
        wait=how.get("wait", True),
        wait_timeout=how.get("timeout", 0),
        build=how.get("build", False),
        pull=how.get("pull", ""),
        scale=dict(how.get("scale", {})),
        force=how.get("force_recreate", False),
    )


class Application(_Described):
    """What compose files describe, on an engine. As a context manager it is removed at the end, with volumes.

    `files`: one or several, laid over each other; without any, those of `folder` or the present one.
    """

    def __init__(self, files: Files = (), *, engine: Engine | None = None, **where: Unpack[Where]) -> None:
        super().__init__(files, where)
        self.engine = engine or Engine()

    def up(self, *services: str, **how: Unpack[How]) -> Self:
        """Make and start what is missing or has changed, of all or of these services with what they need.

        Raises what went wrong first.
        """
        self._up(self.engine.connections, _wanted(services, how))
        return self

    def down(self, *, volumes: bool = False, timeout: int | None = None) -> None:
        """Remove containers and networks; with `volumes` these too. `timeout`: seconds before SIGKILL."""
        self._down(self.engine.connections, volumes=volumes, timeout=timeout)

    def containers(self, service: str = "") -> list[Container]:
        """Its containers, or those of one service, in the order of their numbers. Raises NotFound."""
        return [Container(self.engine, identity) for identity in self._ids(self.engine.client, service)]

    def __getitem__(self, service: str) -> Container:
        """The first container of a service. Raises NotFound when it has none."""
        found = self.containers(service)
        if not found:
            raise NotFound(f'service "{service}" has no container', hint="up() makes them")
        return found[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.down(volumes=True, timeout=0 if kind else None)


class AsyncApplication(_Described):
    """An application for asyncio, with the methods of `Application` to await.

    Bringing it up and down happens in a thread, which uses threads of its own; its containers are those of an
    `AsyncEngine`. Files are read at once.
    """

    def __init__(
        self, files: Files = (), *, engine: AsyncEngine | None = None, **where: Unpack[Where]
    ) -> None:
        super().__init__(files, where)
        self.engine = engine or AsyncEngine()
        self._blocking = Engine(self.engine.address)

    async def up(self, *services: str, **how: Unpack[How]) -> Self:
        """As `Application.up`."""
        await asyncio.to_thread(self._up, self._blocking.connections, _wanted(services, how))
        return self

    async def down(self, *, volumes: bool = False, timeout: int | None = None) -> None:  # noqa: ASYNC109
        """As `Application.down`."""
        await asyncio.to_thread(self._down, self._blocking.connections, volumes=volumes, timeout=timeout)

    async def containers(self, service: str = "") -> list[AsyncContainer]:
        """As `Application.containers`."""
        found = await asyncio.to_thread(self._ids_here, service)
        return [AsyncContainer(self.engine, identity) for identity in found]

    def _ids_here(self, service: str) -> list[str]:
        return self._ids(self._blocking.client, service)

    async def container(self, service: str) -> AsyncContainer:
        """The first container of a service. Raises NotFound when it has none."""
        found = await self.containers(service)
        if not found:
            raise NotFound(f'service "{service}" has no container', hint="up() makes them")
        return found[0]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.down(volumes=True, timeout=0 if kind else None)
        self._blocking.close()
        await self.engine.close()


def up(
    files: Files = (), *services: str, engine: Engine | None = None, **options: Unpack[WhereAndHow]
) -> Application:
    """Bring an application up on this user's own engine, and wait until it is running and healthy.

        with wherry.up("compose.yaml") as shop:
            print(shop["web"].address(80))

    At the end of the block it is removed, with its volumes; also when bringing it up fails.
    """
    where: Any = {key: value for key, value in options.items() if key in Where.__annotations__}
    how: Any = {key: value for key, value in options.items() if key not in Where.__annotations__}
    application = Application(files, engine=engine, **where)
    try:
        return application.up(*services, **how)
    except BaseException:
        application.down(volumes=True, timeout=0)
        raise
