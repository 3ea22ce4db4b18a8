"""What a build is asked to do, and what it needs of the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import msgspec

from wherry.build.agents import Agent
from wherry.build.sharing.layouts import LayoutBase
from wherry.build.sharing.sources import CacheSource
from wherry.build.sources import Files
from wherry.store.images import Image
from wherry.store.layers import Layer, Lease

if TYPE_CHECKING:  # the HTTP client takes long to load
    from wherry.registry.client.remote import Remote

__all__ = ["Context", "Finished", "Order", "OrderMount", "Request", "Worker"]


Context = Files | LayoutBase | str


class Request(msgspec.Struct):
    """One build. `context` is None when there is none (a Dockerfile alone)."""

    dockerfile: bytes
    name: str = "Dockerfile"
    context: Files | None = None
    contexts: Mapping[str, Context] = {}
    """Named contexts: files, an image in a layout, or an image's name (what `docker-image://` says)."""
    place: str = ""
    """Where the context is, for `--explain` to find the build before this one."""
    target: str = ""
    args: dict[str, str | None] = {}
    labels: dict[str, str] = {}
    tags: list[str] = []
    no_cache: bool = False
    no_cache_stages: list[str] = []
    pull: bool = False
    network: str = ""
    platform: str = ""
    secrets: dict[str, bytes] = {}
    agents: dict[str, Agent] = {}
    """SSH agents by the id that --mount=type=ssh names."""
    epoch: int | None = None
    """Seconds since 1970 that no time in the image is later than."""
    squash: bool = False
    cache_from: list[CacheSource] = []
    cache_images: list[str] = []
    """Images here whose history counts as a cache."""
    inline_cache: bool = False
    """The image says how its layers came about, for others to take as a cache."""
    insecure: bool = False
    host_network: bool = False
    """Whether a Dockerfile may ask for the machine's own network."""
    keep_failed: bool = False
    """What a failed step leaves is kept as an image, which the error names then."""
    shm_size: int = 0
    limits: dict[str, Any] = {}
    """Docker's HostConfig members for the steps: Memory, CpuShares, Ulimits, ExtraHosts, …"""
    loose: bool = False
    """An image is wanted elsewhere only: nothing is added to the store's images."""
    export: bool = False
    """The files are wanted, not an image: nothing is added to the store's images."""


class OrderMount(NamedTuple):
    """`kind` is bind or tmpfs; `size` in bytes, 0 for no limit."""

    kind: str
    target: str
    source: str = ""
    read_only: bool = False
    size: int = 0


class Order(NamedTuple):
    """One command to run over layers. `output(stream, data)` is called on the loop as it comes."""

    image: Image
    arguments: list[str]
    environment: list[str]
    secrets: list[str]
    """Variables too, but of such a kind that they are written down nowhere."""
    user: str
    directory: str
    network: str
    insecure: bool
    mounts: list[OrderMount]
    request: Request
    output: Callable[[int, bytes], None]


class Finished(NamedTuple):
    """`layer(lease, latest_ns)` makes a layer of what the command changed, with no time later than that, and
    blocks; once, before the context ends."""

    code: int
    out_of_memory: bool
    container: str
    layer: Callable[[Lease, int | None], Layer]


class Worker(Protocol):
    """What the engine does for a build."""

    def run(self, order: Order) -> AbstractAsyncContextManager[Finished]:
        """Run a command to its end. Whatever it needed is removed when the context ends, or the build is
        cancelled. Raises what kept it from starting."""

    async def image(self, reference: str, *, pull: bool, platform: str) -> Image:
        """An image, pulled when it is not here or `pull`. Raises NotFound."""

    def remote(self, reference: str) -> AbstractAsyncContextManager[Remote]:
        """Something in a registry, to be read in parts."""

    def tagged(self, image: Image, name: str) -> None:
        """An image was given a name."""
