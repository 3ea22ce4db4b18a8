"""An engine for asyncio. A module of its own, since asyncio is not to be paid for by those who block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.client.objects.awaiting import AsyncDriver
from wherry.client.objects.containers import AsyncContainers
from wherry.client.objects.engine import EngineCore
from wherry.client.objects.images import AsyncImages
from wherry.client.objects.networks import AsyncNetworks
from wherry.client.objects.operation import Awaiting, Pending
from wherry.client.objects.volumes import AsyncVolumes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Unpack

    from wherry.client.objects.configuration import Options
    from wherry.client.objects.container import AsyncContainer


class AsyncEngine(EngineCore, Awaiting):
    """A container engine for asyncio; `address` as with `Engine`. Belongs to the event loop that uses it."""

    def __init__(self, address: str | None = None) -> None:
        self._driver = AsyncDriver(address)
        self.containers = AsyncContainers(self)
        self.images = AsyncImages(self)
        self.networks = AsyncNetworks(self)
        self.volumes = AsyncVolumes(self)

    @property
    def address(self) -> str:
        """Where the engine listens, e.g. `unix:///run/user/1000/wherry/run/wherry.sock`."""
        return str(self._driver.address)

    def run(
        self, image: str, command: Sequence[str] | str = (), **options: Unpack[Options]
    ) -> Pending[AsyncContainer]:
        """Short for `containers.run`: to await, or to enter with `async with`."""
        return self.containers.run(image, command, **options)

    async def close(self) -> None:
        """Close the connections. Containers go on; the next call connects again."""
        await self._driver.close()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
