"""wherry: a container engine in Python, with Docker's own interfaces, and its Python API.

    import wherry

    with wherry.run("postgres:16", ports=[5432], env={"POSTGRES_PASSWORD": "x"}) as db:
        db.wait_for_port(5432)
        print(db.address(5432))

    with wherry.up("compose.yaml") as shop:
        print(shop["web"].address(80))

    async with wherry.AsyncEngine() as engine, engine.run("redis:7") as cache:
        print(await cache.status)

Names load on first use, so that importing this costs nothing: every command passes through here.
"""

from __future__ import annotations

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wherry.client.objects.async_engine import AsyncEngine
    from wherry.client.objects.container import AsyncContainer, CommandFailed, Container, ExecResult
    from wherry.client.objects.engine import Engine, run
    from wherry.client.objects.image import AsyncImage, Image
    from wherry.client.objects.network import AsyncNetwork, Network
    from wherry.client.objects.volume import AsyncVolume, Volume
    from wherry.compose.application import Application, AsyncApplication, up
    from wherry.errors import WherryError

_PLACES = {
    "Application": "wherry.compose.application",
    "AsyncApplication": "wherry.compose.application",
    "AsyncContainer": "wherry.client.objects.container",
    "AsyncEngine": "wherry.client.objects.async_engine",
    "AsyncImage": "wherry.client.objects.image",
    "AsyncNetwork": "wherry.client.objects.network",
    "AsyncVolume": "wherry.client.objects.volume",
    "CommandFailed": "wherry.client.objects.container",
    "Container": "wherry.client.objects.container",
    "Engine": "wherry.client.objects.engine",
    "ExecResult": "wherry.client.objects.container",
    "Image": "wherry.client.objects.image",
    "Network": "wherry.client.objects.network",
    "Volume": "wherry.client.objects.volume",
    "WherryError": "wherry.errors",
    "run": "wherry.client.objects.engine",
    "up": "wherry.compose.application",
}
__all__ = [
    "Application",
    "AsyncApplication",
    "AsyncContainer",
    "AsyncEngine",
    "AsyncImage",
    "AsyncNetwork",
    "AsyncVolume",
    "CommandFailed",
    "Container",
    "Engine",
    "ExecResult",
    "Image",
    "Network",
    "Volume",
    "WherryError",
    "__version__",
    "run",
    "up",
]


def __getattr__(name: str) -> object:
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(place), name)
