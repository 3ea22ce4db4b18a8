"""A container's ends in networks: planned at create, made between the namespaces and the program."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from wherry.errors import Invalid, NotFound, WherryError

from . import network_view, ports, resolver
from .identity import short
from .models import ContainerConfig, EndpointSettings, HostConfig, NetworkingConfig, PortBinding

if TYPE_CHECKING:
    from wherry.network.model import Endpoint
    from wherry.network.networks import Networks as Kernel

    from .containers.registry import Container
    from .events import Events

Ports = dict[str, list[PortBinding] | None]


class Joined(NamedTuple):
    """`hosts` are lines for /etc/hosts: (address, names; "" for the container's own)."""

    endpoints: dict[str, EndpointSettings]
    ports: Ports
    hosts: list[tuple[str, str]]


def without_network(mode: str) -> bool:
    """Whether this mode means no networks of one's own."""
    return mode in ("host", "none") or mode.startswith("container:")


def plan(
    config: ContainerConfig,
    host: HostConfig,
    networking: NetworkingConfig,
    kernel: Callable[[], Kernel],
    warnings: list[str],
) -> dict[str, EndpointSettings]:
    """Which networks a container is to join, the first being that of its default route."""
    mode = host.network_mode
    asked = {
        name: settings or EndpointSettings() for name, settings in (networking.endpoints_config or {}).items()
    }
    if "default" in asked:
        asked["bridge"] = asked.pop("default")
    if without_network(mode):
        if set(asked) - {mode}:
            raise Invalid(f"conflicting options: cannot attach both the {mode} network and others")
        if any(
            one.ipam_config and (one.ipam_config.ipv4_address or one.ipam_config.ipv6_address)
            for one in asked.values()
        ):
            raise Invalid("user specified IP address is supported on user defined networks only")
        if mode.startswith("container:"):
            _check_shared(config, host)
        if host.port_bindings or host.publish_all_ports:
            if mode.startswith("container:"):
                raise Invalid("conflicting options: port publishing and the container type network mode")
            warnings.append(f"Published ports are discarded when using {mode} network mode")
        return {} if mode.startswith("container:") else {mode: EndpointSettings()}
    wanted = {mode: asked.pop(mode, None) or EndpointSettings(), **asked}
    if mode != "bridge" and not wanted[mode].links:
        wanted[mode].links = host.links
    if config.mac_address and not wanted[mode].mac_address:
        wanted[mode].mac_address = config.mac_address
    ports.requests(config, host)
    try:
        networks = kernel()
        for name in wanted:
            wanted[name].network_id = networks.find(name).id
    except NotFound:
        raise NotFound(f"network {name} not found") from None
    except WherryError as error:
        if set(wanted) - {"bridge"}:
            raise
        warnings.append(f"the container gets no network but loopback: {error.message}")
        return wanted
    default = wanted.get("bridge")
    if default is not None:
        if default.ipam_config is not None and default.ipam_config.ipv4_address:
            raise Invalid("user specified IP address is supported on user defined networks only")
        if default.aliases:
            raise Invalid(
                "network-scoped aliases are only supported for user-defined networks",
                hint="make one with `wherry network create`",
            )
    return wanted


def _check_shared(config: ContainerConfig, host: HostConfig) -> None:
    """Refuse what is the other container's when its network is shared. Raises `Invalid`."""
    for what, given in (
        ("hostname", config.hostname),
        ("custom host-to-IP mapping", host.extra_hosts),
        ("dns", host.dns),
        ("link", host.links),
        ("mac-address", config.mac_address),
    ):
        if given:
            raise Invalid(f"conflicting options: {what} and the network mode")


async def join(
    container: Container,
    pid: int,
    kernel: Callable[[], Kernel],
    events: Events,
    find: Callable[[str], Container],
) -> Joined | None:
    """Join all planned networks and publish ports; nothing stays joined when one of them fails."""
    if without_network(container.plan.host.network_mode) or not container.plan.endpoints:
        return None
    try:
        networks = kernel()
    except WherryError:
        return None  # said at create
    return await asyncio.to_thread(_join, container, pid, networks, events, find)


def _join(
    container: Container, pid: int, kernel: Kernel, events: Events, find: Callable[[str], Container]
) -> Joined:
    got: dict[str, EndpointSettings] = {}
    hosts: list[tuple[str, str]] = []
    namespace = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        first: Endpoint | None = None
        for name, asked in container.plan.endpoints.items():
            endpoint = _connect(container, kernel, namespace, name, asked, default_route=first is None)
            first = first or endpoint
            got[name] = network_view.settings(asked, endpoint, kernel.find(name))
            hosts += [(address, "") for address in (endpoint.ipv4, endpoint.ipv6) if address]
        published: Ports = dict.fromkeys(container.plan.config.exposed_ports or ())
        requests = ports.requests(container.plan.config, container.plan.host)
        if requests and first is not None:
            done = kernel.publish(container.id, requests, ipv4=first.ipv4, ipv6=first.ipv6)
            published.update(ports.bindings(done))
        hosts += _linked(container, find)
    except BaseException:
        _leave(container.id, kernel)
        raise
    finally:
        os.close(namespace)
    return Joined(got, published, hosts)


def _connect(
    container: Container,
    kernel: Kernel,
    namespace: int,
    name: str,
    asked: EndpointSettings,
    *,
    default_route: bool,
) -> Endpoint:
    fixed = asked.ipam_config
    text = resolver.machine_resolv_conf()
    return kernel.connect(
        kernel.find(name),
        container.id,
        namespace,
        ipv4=fixed.ipv4_address if fixed is not None else "",
        ipv6=fixed.ipv6_address if fixed is not None else "",
        mac=asked.mac_address,
        aliases=() if name == "bridge" else _names(container, asked),
        links=_words(asked.links),
        upstreams=resolver.upstreams(container.plan.host, text),
        ask=asks(container, text),
        default_route=default_route,
    )


def asks(container: Container, text: str) -> bool:
    """Whether a container's questions are answered by the network keeper. `text`: the machine's
    resolv.conf."""
    named = set(container.plan.endpoints) - {"bridge", "host", "none"}
    return bool(named) or resolver.needs_answering(container.plan.host, text)


def restore(containers: Iterable[Container], kernel: Callable[[], Kernel]) -> None:
    """Tell the kernel's side which containers live; what others left is taken away."""
    from wherry.network.reminding import Living

    text = resolver.machine_resolv_conf()
    living: dict[str, Living] = {}
    try:
        for container in containers:
            if container.condition.alive and container.condition.endpoints:
                path = f"/proc/{container.condition.pid}/ns/net"
                try:
                    namespace = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                except OSError:
                    continue  # it is just ending
                living[container.id] = Living(namespace, resolver.upstreams(container.plan.host, text))
        kernel().restore(living)
    finally:
        for one in living.values():
            os.close(one.namespace)


def _names(container: Container, asked: EndpointSettings) -> list[str]:
    names = [container.name, *(asked.aliases or ()), short(container.id), container.plan.config.hostname]
    return list(dict.fromkeys(name for name in names if name))


def _words(links: Iterable[str] | None) -> dict[str, str]:
    """What `--link NAME:ALIAS` lets a container call another by, on a network that has names."""
    pairs = (link.partition(":") for link in links or ())
    return {alias.rpartition("/")[2] or name: name.removeprefix("/") for name, _, alias in pairs}


def _linked(container: Container, find: Callable[[str], Container]) -> list[tuple[str, str]]:
    """On the default network, links are lines in /etc/hosts and those that they lead to have to run."""
    lines = []
    for link in container.plan.host.links or () if container.plan.host.network_mode == "bridge" else ():
        name, _, alias = link.partition(":")
        other = find(name)
        for got in other.condition.endpoints.values():
            if got.ip_address:
                names = dict.fromkeys((alias.rpartition("/")[2] or name, short(other.id), other.name))
                lines.append((got.ip_address, " ".join(names)))
                break
        else:
            raise Invalid(f"cannot link to a non running container: /{other.name} AS /{container.name}")
    return lines


async def leave(container: Container, kernel: Callable[[], Kernel], events: Events) -> None:
    """Give addresses and ports back; the namespace is gone or goes."""
    if without_network(container.plan.host.network_mode):
        return
    await asyncio.to_thread(_leave, container.id, kernel())


def _leave(identifier: str, kernel: Kernel) -> None:
    mine = kernel.endpoints(container_id=identifier)
    if kernel.ports(identifier):
        kernel.unpublish(identifier, [address for one in mine for address in (one.ipv4, one.ipv6)])
    for endpoint in mine:
        kernel.disconnect(endpoint)


async def connect_running(
    container: Container, name: str, asked: EndpointSettings, kernel: Callable[[], Kernel], events: Events
) -> None:
    """Join one more network; the container runs."""

    def work() -> EndpointSettings:
        networks = kernel()
        namespace = os.open(f"/proc/{container.condition.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            only = not container.condition.endpoints
            endpoint = _connect(container, networks, namespace, name, asked, default_route=only)
        finally:
            os.close(namespace)
        return network_view.settings(asked, endpoint, networks.find(name))

    got = await asyncio.to_thread(work)
    container.condition.endpoints[name] = got
    events.publish("network", "connect", got.network_id, {"container": container.id, "name": name})


async def disconnect_running(
    container: Container, name: str, kernel: Callable[[], Kernel], events: Events
) -> None:
    """Leave one network; the container runs."""

    def work() -> None:
        networks = kernel()
        namespace = os.open(f"/proc/{container.condition.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            network = networks.find(name)
            for endpoint in networks.endpoints(container_id=container.id, network_id=network.id):
                networks.disconnect(endpoint, namespace)
        finally:
            os.close(namespace)

    await asyncio.to_thread(work)
    got = container.condition.endpoints.pop(name, None)
    if got is not None:
        events.publish("network", "disconnect", got.network_id, {"container": container.id, "name": name})


async def renamed(container: Container, old: str, kernel: Callable[[], Kernel]) -> None:
    """Put the new name in the place of the old one in every network that answers for names."""
    if container.condition.endpoints:
        await asyncio.to_thread(_renamed, container, old, kernel())


def _renamed(container: Container, old: str, networks: Kernel) -> None:
    for endpoint in networks.endpoints(container_id=container.id):
        if old in endpoint.aliases:
            names = [container.name if name == old else name for name in endpoint.aliases]
            networks.rename(endpoint, names)
    for got in container.condition.endpoints.values():
        if got.dns_names:
            got.dns_names = [container.name if name == old else name for name in got.dns_names]
