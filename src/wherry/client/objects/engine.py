"""An engine, and `run`: where the Python API begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wherry.client.api import query
from wherry.client.objects.blocking import Driver
from wherry.client.objects.connections import Connections
from wherry.client.objects.containers import Containers
from wherry.client.objects.frames import Documents
from wherry.client.objects.images import Images
from wherry.client.objects.networks import Networks
from wherry.client.objects.operation import Blocking, Core, operation, streaming
from wherry.client.objects.steps import Call, Feed, Open, Steps, received
from wherry.client.objects.volumes import Volumes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Unpack

    from wherry.client.objects.configuration import Options
    from wherry.client.objects.container import Container


class EngineCore(Core):
    """The operations of both."""

    @operation
    def info(self) -> Steps[dict[str, Any]]:
        """What the engine and its machine have, as `GET /info` says it."""
        found: dict[str, Any] = yield Call("GET", "/info")
        return found

    @operation
    def version(self) -> Steps[dict[str, Any]]:
        """The engine's versions, as `GET /version` says them."""
        found: dict[str, Any] = yield Call("GET", "/version")
        return found

    @operation
    def ping(self) -> Steps[None]:
        """Ask for a sign of life. Raises Unavailable when there is none."""
        yield from received("/_ping")

    @streaming(dict)
    def events(
        self,
        *,
        filters: dict[str, list[str]] | None = None,
        since: float | None = None,
        until: float | None = None,
    ) -> Steps[Feed]:
        """What happens, as it happens; with `until` (seconds since 1970) it ends."""
        path = "/events" + query(filters=filters, since=since, until=until)
        return Feed((yield Open("GET", path)), Documents())


class Engine(EngineCore, Blocking):
    """A container engine: this user's own, started when nothing listens, or the one at `address`.

    `address`: `unix:///path`, `tcp://host:port` or `ssh://user@host`; without it WHERRY_HOST and DOCKER_HOST
    are asked, as the command line does. May be used from several threads, and as a context manager.
    """

    def __init__(self, address: str | None = None) -> None:
        self.connections = Connections(address)
        self._driver = Driver(self.connections)
        self.containers = Containers(self)
        self.images = Images(self)
        self.networks = Networks(self)
        self.volumes = Volumes(self)

    @property
    def address(self) -> str:
        """Where the engine listens, e.g. `unix:///run/user/1000/wherry/run/wherry.sock`."""
        return str(self.connections.client.address)

    @property
    def client(self) -> Any:
        """The API client of the calling thread (`wherry.client.Client`), for what has no method here."""
        return self.connections.client

    def run(self, image: str, command: Sequence[str] | str = (), **options: Unpack[Options]) -> Container:
        """Short for `containers.run`."""
        return self.containers.run(image, command, **options)

    def close(self) -> None:
        """Close the connections. Containers go on; the next call connects again."""
        self.connections.close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def run(image: str, command: Sequence[str] | str = (), **options: Unpack[Options]) -> Container:
    """Make a container on this user's own engine and start it; returns once it runs.

    As a context manager it is removed at the end, with its anonymous volumes:

        with wherry.run("postgres:16", ports=[5432]) as db:
            db.wait_for_port(5432)

    The image is pulled when it is not there. Raises NotFound for an image that is nowhere, and what else the
    engine answers. In asyncio: `async with AsyncEngine() as engine, engine.run(…) as db`.
    """
    return Engine().containers.run(image, command, **options)
