"""Limits on a container's use of the machine; the same fields in `create` and in `update`."""

from __future__ import annotations

from typing import ClassVar

from msgspec import field

from .wire import Wire


class WeightDevice(Wire):
    path: str = ""
    weight: int = 0


class ThrottleDevice(Wire):
    """`rate` is bytes or operations a second."""

    path: str = ""
    rate: int = 0


class DeviceMapping(Wire):
    path_on_host: str = ""
    path_in_container: str = ""
    cgroup_permissions: str = ""


class DeviceRequest(Wire):
    driver: str = ""
    count: int = 0
    device_ids: list[str] | None = field(name="DeviceIDs", default=None)
    capabilities: list[list[str]] | None = None
    options: dict[str, str] | None = None


class Ulimit(Wire):
    name: str = ""
    hard: int = 0
    soft: int = 0


class Resources(Wire):
    """Sizes in bytes, CPU times in microseconds, `nano_cpus` in billionths of a CPU. 0 or None: no
    limit."""

    cpu_shares: int = 0
    memory: int = 0
    nano_cpus: int = 0
    cgroup_parent: str = ""
    blkio_weight: int = 0
    blkio_weight_device: list[WeightDevice] | None = None
    blkio_device_read_bps: list[ThrottleDevice] | None = None
    blkio_device_write_bps: list[ThrottleDevice] | None = None
    blkio_device_read_iops: list[ThrottleDevice] | None = field(name="BlkioDeviceReadIOps", default=None)
    blkio_device_write_iops: list[ThrottleDevice] | None = field(name="BlkioDeviceWriteIOps", default=None)
    cpu_period: int = 0
    cpu_quota: int = 0
    cpu_realtime_period: int = 0
    cpu_realtime_runtime: int = 0
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    devices: list[DeviceMapping] | None = None
    device_cgroup_rules: list[str] | None = None
    device_requests: list[DeviceRequest] | None = None
    kernel_memory: int = 0
    kernel_memory_tcp: int = field(name="KernelMemoryTCP", default=0)
    memory_reservation: int = 0
    memory_swap: int = 0  # memory + swap; -1 unlimited
    memory_swappiness: int | None = None
    oom_kill_disable: bool | None = None
    pids_limit: int | None = None  # 0 and -1: unlimited
    ulimits: list[Ulimit] | None = None
    cpu_count: int = 0
    cpu_percent: int = 0
    io_maximum_iops: int = field(name="IOMaximumIOps", default=0)
    io_maximum_bandwidth: int = field(name="IOMaximumBandwidth", default=0)

    omit_empty: ClassVar[frozenset[str]] = frozenset({"KernelMemory", "KernelMemoryTCP"})


class RestartPolicy(Wire):
    """`name` is "no", "on-failure", "always" or "unless-stopped"; "" is "no"."""

    name: str = ""
    maximum_retry_count: int = 0


class UpdateConfig(Resources):
    """Body of `POST /containers/{id}/update`; a zero leaves the limit as it is."""

    restart_policy: RestartPolicy | None = None
