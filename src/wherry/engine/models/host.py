"""How a container is run on this machine: Docker's `HostConfig`."""

from __future__ import annotations

from typing import ClassVar

from msgspec import field

from .resources import Resources, RestartPolicy
from .wire import Wire


class LogConfig(Wire):
    type: str = ""
    config: dict[str, str] | None = None


class PortBinding(Wire):
    host_ip: str = ""
    host_port: str = ""


class BindOptions(Wire):
    omit_empty: ClassVar[frozenset[str]] = frozenset(
        {"Propagation", "NonRecursive", "CreateMountpoint", "ReadOnlyNonRecursive", "ReadOnlyForceRecursive"}
    )

    propagation: str = ""
    non_recursive: bool = False
    create_mountpoint: bool = False
    read_only_non_recursive: bool = False
    read_only_force_recursive: bool = False


class VolumeDriver(Wire):
    omit_empty: ClassVar[frozenset[str]] = frozenset({"Name", "Options"})

    name: str = ""
    options: dict[str, str] | None = None


class VolumeOptions(Wire):
    omit_empty: ClassVar[frozenset[str]] = frozenset({"NoCopy", "Labels", "Subpath", "DriverConfig"})

    no_copy: bool = False
    labels: dict[str, str] | None = None
    subpath: str = ""
    driver_config: VolumeDriver | None = None


class TmpfsOptions(Wire):
    omit_empty: ClassVar[frozenset[str]] = frozenset({"SizeBytes", "Mode", "Options"})

    size_bytes: int = 0
    mode: int = 0
    options: list[list[str]] | None = None


class ImageOptions(Wire):
    omit_empty: ClassVar[frozenset[str]] = frozenset({"Subpath"})

    subpath: str = ""


class Mount(Wire):
    """One `--mount`. `type` is "bind", "volume", "tmpfs" or "image"."""

    omit_empty: ClassVar[frozenset[str]] = frozenset(
        {
            "Type",
            "Source",
            "Target",
            "ReadOnly",
            "Consistency",
            "BindOptions",
            "VolumeOptions",
            "ImageOptions",
            "TmpfsOptions",
        }
    )

    type: str = ""
    source: str = ""
    target: str = ""
    read_only: bool = False
    consistency: str = ""
    bind_options: BindOptions | None = None
    volume_options: VolumeOptions | None = None
    image_options: ImageOptions | None = None
    tmpfs_options: TmpfsOptions | None = None


class HostConfig(Resources):
    """Docker's `HostConfig`."""

    omit_empty: ClassVar[frozenset[str]] = Resources.omit_empty | {
        "Annotations",
        "StorageOpt",
        "Tmpfs",
        "Sysctls",
        "Mounts",
        "Init",
    }

    binds: list[str] | None = None
    container_id_file: str = field(name="ContainerIDFile", default="")
    log_config: LogConfig = field(default_factory=LogConfig)
    network_mode: str = ""
    port_bindings: dict[str, list[PortBinding] | None] | None = None
    restart_policy: RestartPolicy = field(default_factory=RestartPolicy)
    auto_remove: bool = False
    volume_driver: str = ""
    volumes_from: list[str] | None = None
    console_size: tuple[int, int] = (0, 0)  # height, width
    annotations: dict[str, str] | None = None
    cap_add: list[str] | None = None
    cap_drop: list[str] | None = None
    cgroupns_mode: str = ""
    dns: list[str] | None = None
    dns_options: list[str] | None = None
    dns_search: list[str] | None = None
    extra_hosts: list[str] | None = None
    group_add: list[str] | None = None
    ipc_mode: str = ""
    cgroup: str = ""
    links: list[str] | None = None
    oom_score_adj: int = 0
    pid_mode: str = ""
    privileged: bool = False
    publish_all_ports: bool = False
    readonly_rootfs: bool = False
    security_opt: list[str] | None = None
    storage_opt: dict[str, str] | None = None
    tmpfs: dict[str, str | None] | None = None
    uts_mode: str = field(name="UTSMode", default="")
    userns_mode: str = ""
    shm_size: int = 0  # bytes; 0 is 64 MiB
    sysctls: dict[str, str] | None = None
    runtime: str = ""
    isolation: str = ""
    mounts: list[Mount] | None = None
    masked_paths: list[str] | None = None  # None: the default set; empty: none
    readonly_paths: list[str] | None = None
    init: bool | None = None
