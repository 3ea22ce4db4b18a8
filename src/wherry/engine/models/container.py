"""A container as the API shows it: whole (`inspect`) and in one line (`ps`)."""

from __future__ import annotations

from typing import ClassVar

from msgspec import field

from .config import ContainerConfig
from .host import HostConfig, PortBinding
from .network import EndpointSettings, NetworkingConfig
from .state import ContainerState
from .wire import Wire


class ContainerCreate(ContainerConfig):
    """Body of `POST /containers/create`: a `Config` with two more fields."""

    host_config: HostConfig = field(default_factory=HostConfig)
    networking_config: NetworkingConfig = field(default_factory=NetworkingConfig)


class ContainerCreated(Wire):
    id: str = ""
    warnings: list[str] = field(default_factory=list)


class MountPoint(Wire):
    """One mount of a container, in `inspect` and in `ps`."""

    omit_empty: ClassVar[frozenset[str]] = frozenset({"Name", "Driver"})

    type: str = ""
    name: str = ""
    source: str = ""
    destination: str = ""
    driver: str = ""
    mode: str = ""
    rw: bool = field(name="RW", default=True)
    propagation: str = ""


class NetworkSettings(Wire):
    bridge: str = ""
    sandbox_id: str = field(name="SandboxID", default="")
    sandbox_key: str = ""
    ports: dict[str, list[PortBinding] | None] = field(default_factory=dict)
    hairpin_mode: bool = False
    link_local_ipv6_address: str = field(name="LinkLocalIPv6Address", default="")
    link_local_ipv6_prefix_len: int = field(name="LinkLocalIPv6PrefixLen", default=0)
    endpoint_id: str = field(name="EndpointID", default="")
    gateway: str = ""
    global_ipv6_address: str = field(name="GlobalIPv6Address", default="")
    global_ipv6_prefix_len: int = field(name="GlobalIPv6PrefixLen", default=0)
    ip_address: str = field(name="IPAddress", default="")
    ip_prefix_len: int = field(name="IPPrefixLen", default=0)
    ipv6_gateway: str = field(name="IPv6Gateway", default="")
    mac_address: str = ""
    networks: dict[str, EndpointSettings] = field(default_factory=dict)


class GraphDriver(Wire):
    name: str = ""
    data: dict[str, str] | None = None


class Confinement(Wire):
    """How a container is shut in. Docker has no such object; it is an extra member of `inspect`."""

    user_namespace: str = ""  # "own", "engine" (rootless identity map) or "host"
    id_range: str = ""  # "655360-720895" on the host; "" without an own range
    seccomp: str = ""  # "default", "unconfined" or "custom"
    apparmor: str = ""
    no_new_privileges: bool = False
    capabilities: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)  # one sentence each


class ContainerInspect(Wire):
    """Answer of `GET /containers/{id}/json`."""

    omit_empty: ClassVar[frozenset[str]] = frozenset({"SizeRw", "SizeRootFs", "Wherry"})

    id: str = ""
    created: str = ""
    path: str = ""
    args: list[str] = field(default_factory=list)
    state: ContainerState = field(default_factory=ContainerState)
    image: str = ""
    resolv_conf_path: str = ""
    hostname_path: str = ""
    hosts_path: str = ""
    log_path: str = ""
    name: str = ""
    restart_count: int = 0
    driver: str = ""
    platform: str = "linux"
    mount_label: str = ""
    process_label: str = ""
    app_armor_profile: str = ""
    exec_ids: list[str] | None = field(name="ExecIDs", default=None)
    host_config: HostConfig = field(default_factory=HostConfig)
    graph_driver: GraphDriver = field(default_factory=GraphDriver)
    size_rw: int | None = None
    size_root_fs: int | None = None
    mounts: list[MountPoint] = field(default_factory=list)
    config: ContainerConfig = field(default_factory=ContainerConfig)
    network_settings: NetworkSettings = field(default_factory=NetworkSettings)
    wherry: Confinement | None = None


class Port(Wire):
    """One line of the ports of `ps`."""

    omit_empty: ClassVar[frozenset[str]] = frozenset({"IP", "PublicPort"})

    ip: str = field(name="IP", default="")
    private_port: int = 0
    public_port: int = 0
    type: str = "tcp"


class SummaryHostConfig(Wire):
    omit_empty: ClassVar[frozenset[str]] = frozenset({"NetworkMode", "Annotations"})

    network_mode: str = ""
    annotations: dict[str, str] | None = None


class SummaryNetworks(Wire):
    networks: dict[str, EndpointSettings] = field(default_factory=dict)


class ContainerSummary(Wire):
    """One item of `GET /containers/json`. `created` in seconds since 1970."""

    omit_empty: ClassVar[frozenset[str]] = frozenset({"SizeRw", "SizeRootFs", "WherryGivenUp"})

    id: str = ""
    names: list[str] = field(default_factory=list)
    image: str = ""
    image_id: str = field(name="ImageID", default="")
    command: str = ""
    created: int = 0
    ports: list[Port] = field(default_factory=list)
    size_rw: int | None = None
    size_root_fs: int | None = None
    labels: dict[str, str] = field(default_factory=dict)
    state: str = ""
    status: str = ""
    host_config: SummaryHostConfig = field(default_factory=SummaryHostConfig)
    network_settings: SummaryNetworks = field(default_factory=SummaryNetworks)
    mounts: list[MountPoint] = field(default_factory=list)
    wherry_given_up: list[str] = field(default_factory=list)  # as in `Confinement`; not in Docker's answer


class WaitError(Wire):
    message: str = ""


class ContainerWaited(Wire):
    """Answer of `POST /containers/{id}/wait`."""

    omit_empty: ClassVar[frozenset[str]] = frozenset({"Error"})

    status_code: int = 0
    error: WaitError | None = None


class ContainerTop(Wire):
    processes: list[list[str]] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)


class ContainerUpdated(Wire):
    warnings: list[str] = field(default_factory=list)


class ContainersPruned(Wire):
    containers_deleted: list[str] | None = None
    space_reclaimed: int = 0


class FilesystemChange(Wire):
    """`kind` is 0 changed, 1 added, 2 deleted."""

    path: str = ""
    kind: int = 0


class PathStat(Wire):
    """What `X-Docker-Container-Path-Stat` carries (as base64 of this JSON). `mode` is Go's
    `os.FileMode`."""

    name: str = field(name="name", default="")
    size: int = field(name="size", default=0)
    mode: int = field(name="mode", default=0)
    mtime: str = field(name="mtime", default="")
    link_target: str = field(name="linkTarget", default="")
