"""The engine and its machine: `info`, `version`, `system df`."""

from __future__ import annotations

from typing import Any

from msgspec import field

from .container import ContainerSummary
from .image import ImageSummary
from .volume import Volume
from .wire import Wire


class Component(Wire):
    name: str = ""
    version: str = ""
    details: dict[str, str] | None = None


class Platform(Wire):
    name: str = ""


class Version(Wire):
    platform: Platform = field(default_factory=Platform)
    components: list[Component] = field(default_factory=list)
    version: str = ""
    api_version: str = ""
    min_api_version: str = field(name="MinAPIVersion", default="")
    git_commit: str = ""
    go_version: str = ""
    os: str = "linux"
    arch: str = ""
    kernel_version: str = ""
    build_time: str = ""


class RuntimeInfo(Wire):
    path: str = field(name="path", default="")


class PluginsInfo(Wire):
    volume: list[str] = field(default_factory=list)
    network: list[str] = field(default_factory=list)
    authorization: list[str] | None = None
    log: list[str] = field(default_factory=list)


class SwarmInfo(Wire):
    node_id: str = field(name="NodeID", default="")
    node_addr: str = ""
    local_node_state: str = "inactive"
    control_available: bool = False
    error: str = ""
    remote_managers: list[str] | None = None


class Info(Wire):
    """Answer of `GET /info`."""

    id: str = field(name="ID", default="")
    containers: int = 0
    containers_running: int = 0
    containers_paused: int = 0
    containers_stopped: int = 0
    images: int = 0
    driver: str = ""
    driver_status: list[list[str]] = field(default_factory=list)
    plugins: PluginsInfo = field(default_factory=PluginsInfo)
    memory_limit: bool = False
    swap_limit: bool = False
    cpu_cfs_period: bool = False
    cpu_cfs_quota: bool = False
    cpu_shares: bool = field(name="CPUShares", default=False)
    cpu_set: bool = field(name="CPUSet", default=False)
    pids_limit: bool = False
    ipv4_forwarding: bool = field(name="IPv4Forwarding", default=False)
    debug: bool = False
    nfd: int = field(name="NFd", default=0)
    oom_kill_disable: bool = False
    ngoroutines: int = field(name="NGoroutines", default=0)
    system_time: str = ""
    logging_driver: str = "json-file"
    cgroup_driver: str = "cgroupfs"
    cgroup_version: str = "1"
    nevents_listener: int = field(name="NEventsListener", default=0)
    kernel_version: str = ""
    operating_system: str = ""
    os_version: str = field(name="OSVersion", default="")
    os_type: str = field(name="OSType", default="linux")
    architecture: str = ""
    index_server_address: str = "https://index.docker.io/v1/"
    registry_config: dict[str, Any] | None = None
    ncpu: int = field(name="NCPU", default=0)
    mem_total: int = 0
    generic_resources: list[str] | None = None
    docker_root_dir: str = ""
    http_proxy: str = field(name="HttpProxy", default="")
    https_proxy: str = field(name="HttpsProxy", default="")
    no_proxy: str = field(name="NoProxy", default="")
    name: str = ""
    labels: list[str] = field(default_factory=list)
    experimental_build: bool = False
    server_version: str = ""
    runtimes: dict[str, RuntimeInfo] = field(default_factory=dict)
    default_runtime: str = "wherry"
    swarm: SwarmInfo = field(default_factory=SwarmInfo)
    live_restore_enabled: bool = True
    isolation: str = ""
    init_binary: str = "wherry-init"
    security_options: list[str] = field(default_factory=list)
    warnings: list[str] | None = None


class DiskUsage(Wire):
    """Answer of `GET /system/df`. `layers_size` in bytes, each layer once."""

    layers_size: int = 0
    images: list[ImageSummary] = field(default_factory=list)
    containers: list[ContainerSummary] = field(default_factory=list)
    volumes: list[Volume] = field(default_factory=list)
    build_cache: list[dict[str, Any]] = field(default_factory=list)
