"""Networks: definitions and who is in them. `wherry.network` does the work in the kernel."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from wherry.errors import Conflict, Forbidden, Invalid, NotFound, Unsupported, WherryError

from . import endpoints, network_view, resolver
from .events import Events
from .filters import Filters, check, flag, matches_labels
from .models import (
    ContainerConfig,
    EndpointSettings,
    HostConfig,
    Network,
    NetworkCreate,
    NetworkCreated,
    NetworkingConfig,
    NetworksPruned,
)
from .moments import parse_moment

if TYPE_CHECKING:
    from .containers.registry import Container, Registry
    from .networking import Lazy

PREDEFINED = ("bridge", "host", "none")
_FILTERS = frozenset({"dangling", "driver", "id", "label", "name", "scope", "type"})


class Networks:
    """`bridge`, `host` and `none` are always there.

    `kernel` gives `wherry.network`'s object, made at the first call; it raises `Unavailable` or `Unsupported`
    where this machine can't have networks, and containers then have loopback only, with a warning.
    """

    def __init__(
        self,
        registry: Registry,
        events: Events,
        *,
        kernel: Lazy,
        seed: str,
        find: Callable[[str], Container],
    ) -> None:
        self._registry = registry
        self._events = events
        self._kernel = kernel
        kernel.on_keeper_lost = self._restore
        self.on_moved: Callable[[Container], None] = lambda _: None
        """Called when a running container has joined or left a network."""
        self._find = find
        self._fixed = {
            name: hashlib.sha256(f"{seed}\0{name}".encode()).hexdigest() for name in ("host", "none")
        }

    def plan(
        self,
        config: ContainerConfig,
        host: HostConfig,
        networking: NetworkingConfig,
        warnings: list[str],
    ) -> dict[str, EndpointSettings]:
        """Which networks a new container is to join. Raises `Invalid`, `NotFound`, `Conflict`."""
        return endpoints.plan(config, host, networking, self._kernel, warnings)

    async def join(self, container: Container, pid: int) -> endpoints.Joined | None:
        """Attach a created container; None when it has no network of its own. Raises what prevented it."""
        return await endpoints.join(container, pid, self._kernel, self._events, self._find)

    async def leave(self, container: Container) -> None:
        """Give back what an ended container had: addresses, ports, names."""
        await endpoints.leave(container, self._kernel, self._events)

    async def renamed(self, container: Container, old: str) -> None:
        """Let a running container be found by its new name instead of `old`."""
        await endpoints.renamed(container, old, self._kernel)

    def resolv_conf(self, container: Container) -> str:
        """The text of a container's resolv.conf."""
        host, text = container.plan.host, resolver.machine_resolv_conf()
        own = not endpoints.without_network(host.network_mode)
        servers = resolver.ANSWERED_HERE if own and endpoints.asks(container, text) else ()
        return resolver.resolv_conf(host, text, servers=servers, own_network=own)

    async def restore(self) -> None:
        """After an engine's start: bring what the kernel has in line with who lives. Blocks no client."""
        if self._kernel.used():
            await asyncio.to_thread(self._restore)

    def _restore(self) -> None:
        endpoints.restore(list(self._registry), self._kernel)

    async def wind_down(self) -> None:
        """Before an engine's end with nothing running: leave the machine as it was found."""
        if self._kernel.used():
            await asyncio.to_thread(self._wind_down)

    def _wind_down(self) -> None:
        if self._kernel().endpoints():
            with contextlib.suppress(WherryError, OSError):
                self._restore()  # what ended while the disk was full could not be given back then
        self._kernel.end()

    def host_gateway(self) -> str:
        """What `host-gateway` means in `--add-host`: the default bridge's address."""
        subnet = self._kernel().default().ipv4
        return subnet.gateway if subnet is not None else "127.0.0.1"

    async def create(self, request: NetworkCreate) -> NetworkCreated:
        """Raises `Conflict` (the name is taken), `Forbidden` (a reserved name, what does not go with a
        configuration), `Invalid`, `NotFound` (driver, configuration), `Unsupported`."""
        if not request.name:
            raise Invalid("network name cannot be empty")
        if request.enable_ipv4 is False and not request.config_only:
            raise Unsupported("networks without IPv4 are not supported", hint="leave out --ipv4=false")
        if request.scope not in ("", "local"):
            raise Forbidden(f"cannot create a {request.scope} scoped network when swarm is not active")
        if request.ingress:
            raise Forbidden("Ingress network can only be global scope network")
        if request.ipam is not None and request.ipam.driver not in ("", "default"):
            raise NotFound(
                f"could not find plugin {request.ipam.driver} in v1 plugin registry: plugin not found"
            )
        made = await asyncio.to_thread(network_view.make, self._kernel(), request)
        self._events.publish("network", "create", made.id, {"name": made.name, "type": made.driver})
        return NetworkCreated(id=made.id)

    async def list(self, filters: Filters | None = None) -> Sequence[Network]:
        """Filters: driver, id, label, name, scope, type, dangling."""
        filters = filters or {}
        check(filters, _FILTERS)
        for kind in filters.get("type", []):
            if kind not in ("builtin", "custom"):
                raise Invalid(f"invalid filter: 'type'='{kind}'")
        shown = self._all()
        dangling = flag(filters, "dangling")
        found = []
        for network in shown:
            predefined = network.name in PREDEFINED
            if (names := filters.get("name")) and not any(name in network.name for name in names):
                continue
            if (ids := filters.get("id")) and not any(network.id.startswith(one) for one in ids):
                continue
            if (drivers := filters.get("driver")) and network.driver not in drivers:
                continue
            if (scopes := filters.get("scope")) and network.scope not in scopes:
                continue
            if (kinds := filters.get("type")) and ("builtin" if predefined else "custom") not in kinds:
                continue
            if not matches_labels(network.labels, filters.get("label", [])):
                continue
            if dangling is not None and (predefined or bool(self._members(network.name)) == dangling):
                continue
            found.append(network)
        return found

    async def inspect(self, ref: str) -> Network:
        """Raises `NotFound` ("network x not found"), `Invalid` (ambiguous)."""
        network = self._lookup(ref)
        network.containers = {
            container.id: network_view.member(container, container.condition.endpoints[network.name])
            for container in self._registry
            if network.name in container.condition.endpoints
        }
        return network

    async def remove(self, ref: str) -> None:
        """Raises `Forbidden` for a predefined one and while containers are attached."""
        network = self._lookup(ref)
        if network.name in PREDEFINED:
            raise Forbidden(f"{network.name} is a pre-defined network and cannot be removed")
        await asyncio.to_thread(self._kernel().remove, network.id)
        self._events.publish("network", "destroy", network.id, {"name": network.name, "type": network.driver})

    async def connect(self, ref: str, container: str, endpoint: EndpointSettings | None = None) -> None:
        """Attach a container, also a running one."""
        network = self._lookup(ref)
        found = self._find(container)
        if network.name in ("host", "none"):
            raise Invalid(f"container cannot be connected to the {network.name} network")
        async with found.lock:
            mode = found.plan.host.network_mode
            if mode in ("host", "none") or mode.startswith("container:"):
                raise Invalid(
                    f"container sharing network namespace with another container or host cannot be "
                    f"connected to any other network ({mode})"
                )
            if network.name in found.plan.endpoints:
                raise Forbidden(f"endpoint with name {found.name} already exists in network {network.name}")
            wanted = endpoint or EndpointSettings()
            if found.condition.alive:
                await endpoints.connect_running(found, network.name, wanted, self._kernel, self._events)
            found.plan.endpoints[network.name] = wanted
            self._save(found)
            if found.condition.alive:
                self.on_moved(found)

    async def disconnect(self, ref: str, container: str, *, force: bool = False) -> None:
        """Detach a container. `force` is for containers that are gone: here none is left in a network."""
        network = self._lookup(ref)
        found = self._find(container)
        async with found.lock:
            if network.name not in found.plan.endpoints:
                raise Forbidden(f"container {found.id} is not connected to network {network.name}")
            if network.name in ("host", "none"):
                raise Conflict(f"container cannot be disconnected from {network.name} network")
            if found.condition.alive:
                await endpoints.disconnect_running(found, network.name, self._kernel, self._events)
            del found.plan.endpoints[network.name]
            self._save(found)
            if found.condition.alive:
                self.on_moved(found)

    async def prune(self, filters: Filters | None = None) -> NetworksPruned:
        """Remove the user-defined networks that no container refers to; filters `until`, `label`,
        `label!`."""
        filters = filters or {}
        check(filters, frozenset({"label", "label!", "until"}))
        until = min((parse_moment(text) for text in filters.get("until", [])), default=None)
        removed = []
        for network in self._kernel().networks():
            if network.name in PREDEFINED or network.config_only or self._members(network.name):
                continue
            if until is not None and network.created > until * 1e9:
                continue
            if not matches_labels(network.labels, filters.get("label", [])):
                continue
            if (without := filters.get("label!")) and matches_labels(network.labels, without):
                continue
            await self.remove(network.id)
            removed.append(network.name)
        self._events.publish("network", "prune", "", {"reclaimed": "0"})
        return NetworksPruned(networks_deleted=removed or None)

    def _all(self) -> Sequence[Network]:
        shown = [network_view.fixed(name, identifier) for name, identifier in self._fixed.items()]
        try:
            kernel = self._kernel()
        except Exception:  # no networks on this machine: these two there always are
            return shown
        return [*(network_view.shown(network) for network in kernel.networks()), *shown]

    def _lookup(self, ref: str) -> Network:
        everything = self._all()
        for network in everything:
            if ref in (network.id, network.name):
                return network
        candidates = [network for network in everything if ref and network.id.startswith(ref)]
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            raise Invalid(f"network {ref} is ambiguous ({len(candidates)} matches found on ID prefix)")
        raise NotFound(f"network {ref} not found")

    def _members(self, name: str) -> Sequence[str]:
        return [container.id for container in self._registry if name in container.plan.endpoints]

    def _save(self, container: Container) -> None:
        self._registry.save_plan(container)
        self._registry.save(container)
