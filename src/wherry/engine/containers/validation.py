"""Requests that contradict themselves are refused before anything is made, in Docker's words."""

from __future__ import annotations

import ipaddress
import os

from wherry.errors import Invalid, Unsupported

from ..logdrivers.options import parse as parse_log
from ..models import ContainerConfig, Healthcheck, HostConfig, Resources, RestartPolicy
from ..signals import parse_signal
from ..spec.translate import MASKED, READ_ONLY

SMALLEST_MEMORY = 6 << 20
DEFAULT_SHM = 64 << 20
_MILLISECOND = 1_000_000


def complete(host: HostConfig) -> None:
    """Fill in what was left open, as `inspect` shows it afterwards."""
    host.network_mode = "bridge" if host.network_mode in ("", "default") else host.network_mode
    host.ipc_mode = host.ipc_mode or "private"
    host.cgroupns_mode = host.cgroupns_mode or ("host" if host.privileged else "private")
    host.shm_size = host.shm_size or DEFAULT_SHM
    host.log_config.type = host.log_config.type or "json-file"
    host.log_config.config = host.log_config.config or {}
    host.restart_policy.name = host.restart_policy.name or "no"
    host.runtime = host.runtime or "wherry"
    if not host.privileged:
        host.masked_paths = list(MASKED) if host.masked_paths is None else host.masked_paths
        host.readonly_paths = list(READ_ONLY) if host.readonly_paths is None else host.readonly_paths
    if host.memory and not host.memory_swap:
        host.memory_swap = 2 * host.memory
    if host.port_bindings is None:
        host.port_bindings = {}


def check_config(config: ContainerConfig) -> None:
    """Raise `Invalid` for a configuration that can't be meant."""
    if config.working_dir and not config.working_dir.startswith("/"):
        raise Invalid(
            f"the working directory '{config.working_dir}' is invalid, it needs to be an absolute path"
        )
    if config.stop_signal:
        parse_signal(config.stop_signal)
    if len(config.hostname) > 63:
        raise Invalid(f"invalid hostname: {config.hostname}", hint="at most 63 characters")
    if config.healthcheck is not None:
        _check_health(config.healthcheck)


def check_host(host: HostConfig, runtimes: dict[str, str]) -> None:
    """Raise `Invalid` or `Unsupported` for a host configuration that can't be meant or done."""
    check_resources(host)
    check_restart(host.restart_policy, auto_remove=host.auto_remove)
    if host.runtime not in ("", "runc") and host.runtime not in runtimes:
        raise Invalid(f"unknown or invalid runtime name: {host.runtime}")
    if host.isolation not in ("", "default"):
        raise Invalid(f'invalid isolation "{host.isolation}" on linux')
    if host.storage_opt:
        raise Unsupported("--storage-opt is not supported: the size of a writable layer can't be limited")
    if host.device_requests:
        raise Unsupported(
            "could not select device driver: --gpus is not supported", hint="pass devices with --device"
        )
    if host.shm_size < 0:
        raise Invalid("SHM size can not be less than 0")
    if host.oom_score_adj < -1000 or host.oom_score_adj > 1000:
        raise Invalid(f"Invalid value {host.oom_score_adj}, range for oom score adj is [-1000, 1000]")
    parse_log(host.log_config.type, host.log_config.config or {})
    for entry in host.extra_hosts or ():
        check_extra_host(entry)


def check_extra_host(entry: str) -> None:
    """Raise `Invalid` unless it is `name:address` with an address or `host-gateway`."""
    name, colon, address = entry.partition(":")
    if not colon or not name:
        raise Invalid(f"bad format for add-host: {entry!r}")
    if address != "host-gateway":
        try:
            ipaddress.ip_address(address.strip("[]"))
        except ValueError:
            raise Invalid(f"invalid IP address in add-host: {address!r}") from None


def check_resources(limits: Resources) -> None:
    """Raise `Invalid` for limits that contradict each other or this machine."""
    if 0 < limits.memory < SMALLEST_MEMORY:
        raise Invalid("Minimum memory limit allowed is 6MB")
    if limits.memory < 0 or limits.memory_reservation < 0:
        raise Invalid("a memory limit can't be negative")
    if limits.memory_swap > 0 and not limits.memory:
        raise Invalid("You should always set the Memory limit when using Memoryswap limit, see usage")
    if 0 < limits.memory_swap < limits.memory:
        raise Invalid("Minimum memoryswap limit should be larger than memory limit, see usage")
    if limits.memory and limits.memory_reservation > limits.memory:
        raise Invalid("Minimum memory limit can not be less than memory reservation limit, see usage")
    if limits.memory_swappiness is not None and not -1 <= limits.memory_swappiness <= 100:
        raise Invalid(f"Invalid value: {limits.memory_swappiness}, valid memory swappiness range is 0-100")
    if limits.nano_cpus:
        if limits.cpu_period:
            raise Invalid("Conflicting options: Nano CPUs and CPU Period cannot both be set")
        if limits.cpu_quota:
            raise Invalid("Conflicting options: Nano CPUs and CPU Quota cannot both be set")
        cpus = os.cpu_count() or 1
        if not 10_000_000 <= limits.nano_cpus <= cpus * 1_000_000_000:
            raise Invalid(f"range of CPUs is from 0.01 to {cpus}.00, as there are only {cpus} CPUs available")
    if limits.cpu_period and not 1000 <= limits.cpu_period <= 1_000_000:
        raise Invalid("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)")
    if 0 < limits.cpu_quota < 1000:
        raise Invalid("CPU cfs quota can not be less than 1ms (i.e. 1000)")
    if limits.cpu_shares < 0:
        raise Invalid(f"invalid CPU shares ({limits.cpu_shares}): value must be a positive integer")
    if limits.blkio_weight and not 10 <= limits.blkio_weight <= 1000:
        raise Invalid("Range of blkio weight is from 10 to 1000")


def check_restart(policy: RestartPolicy, *, auto_remove: bool = False) -> None:
    """Raise `Invalid` for a policy that does not exist or contradicts `--rm`."""
    if policy.name not in ("", "no", "always", "on-failure", "unless-stopped"):
        raise Invalid(
            f"invalid restart policy: unknown policy '{policy.name}'; use one of 'no', 'always', "
            "'on-failure', or 'unless-stopped'"
        )
    if policy.maximum_retry_count and policy.name != "on-failure":
        raise Invalid(
            "invalid restart policy: maximum retry count can only be used with 'on-failure'"
            + (" and cannot be negative" if policy.maximum_retry_count < 0 else "")
        )
    if policy.maximum_retry_count < 0:
        raise Invalid("invalid restart policy: maximum retry count cannot be negative")
    if auto_remove and policy.name not in ("", "no"):
        raise Invalid("can't create 'AutoRemove' container with restart policy")


def _check_health(check: Healthcheck) -> None:
    for name, value in (
        ("Interval", check.interval),
        ("Timeout", check.timeout),
        ("StartPeriod", check.start_period),
        ("StartInterval", check.start_interval),
    ):
        if value and value < _MILLISECOND:
            raise Invalid(f"{name} in Healthcheck cannot be less than 1ms")
    if check.retries < 0:
        raise Invalid("Retries in Healthcheck cannot be negative")
    if check.test and check.test[0] not in ("NONE", "CMD", "CMD-SHELL"):
        raise Invalid(f"Unknown type {check.test[0]!r} in healthcheck")
