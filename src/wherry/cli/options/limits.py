"""Limits: memory, CPU, disk rates, ulimits, device rules."""

from __future__ import annotations

from wherry.cli.flags import UsageError
from wherry.cli.options.quantities import parse_nano, parse_size
from wherry.errors import Invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wherry.cli.flags import Flags

_SIZES = (
    ("memory", "Memory"),
    ("memory-reservation", "MemoryReservation"),
    ("memory-swap", "MemorySwap"),
)
_NUMBERS = (
    ("cpu-shares", "CpuShares"),
    ("cpu-period", "CpuPeriod"),
    ("cpu-quota", "CpuQuota"),
    ("cpu-rt-period", "CpuRealtimePeriod"),
    ("cpu-rt-runtime", "CpuRealtimeRuntime"),
    ("pids-limit", "PidsLimit"),
    ("blkio-weight", "BlkioWeight"),
    ("memory-swappiness", "MemorySwappiness"),
)
_RATES = (
    ("device-read-bps", "BlkioDeviceReadBps"),
    ("device-write-bps", "BlkioDeviceWriteBps"),
    ("device-read-iops", "BlkioDeviceReadIOps"),
    ("device-write-iops", "BlkioDeviceWriteIOps"),
)
_ULIMITS = frozenset(
    (
        *("core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss"),
        *("rtprio", "rttime", "sigpending", "stack"),
    )
)


def limits(flags: Flags) -> dict[str, Any]:
    """The members of HostConfig (or of an update) that the limit flags ask for."""
    result: dict[str, Any] = {}
    for flag, field in _SIZES:
        if flags.given(flag):
            result[field] = flags.size(flag)
    for flag, field in _NUMBERS:
        if flags.given(flag):
            result[field] = flags.number(flag)
    if not -1 <= result.get("MemorySwappiness", -1) <= 100:
        value = result["MemorySwappiness"]
        raise Invalid(f"invalid value: {value}. Valid memory swappiness range is 0-100")
    for flag, field in (("cpuset-cpus", "CpusetCpus"), ("cpuset-mems", "CpusetMems")):
        if flags.given(flag):
            result[field] = flags.text(flag)
    if flags.given("cpus"):
        result["NanoCpus"] = parse_nano(flags.text("cpus"))
    if flags.on("oom-kill-disable"):
        result["OomKillDisable"] = True
    for flag, field in _RATES:
        if flags.given(flag):
            result[field] = [_rate(text, flag) for text in flags.every(flag)]
    if flags.given("blkio-weight-device"):
        result["BlkioWeightDevice"] = [_weight(text) for text in flags.every("blkio-weight-device")]
    if flags.given("ulimit"):
        wanted = {entry["Name"]: entry for entry in map(_ulimit, flags.every("ulimit"))}
        result["Ulimits"] = [wanted[name] for name in sorted(wanted)]
    if flags.given("device-cgroup-rule"):
        result["DeviceCgroupRules"] = [_device_rule(text) for text in flags.every("device-cgroup-rule")]
    return result


def _rate(text: str, flag: str) -> dict[str, Any]:
    path, colon, rate = text.rpartition(":")
    bytes_wanted = flag.endswith("bps")
    try:
        if not colon:
            raise ValueError(f"bad format: {text}")
        if not path.startswith("/dev/"):
            raise ValueError(f"bad format for device path: {text}")
        try:
            number = parse_size(rate) if bytes_wanted else int(rate)
        except ValueError:
            number = -1
        if number < 0:
            unit = "[<unit>]. Number must be a positive integer. Unit is optional and can be kb, mb, or gb"
            raise ValueError(
                f"invalid rate for device: {text}. The correct format is <device-path>:<number>"
                + (unit if bytes_wanted else ". Number must be a positive integer")
            )
    except ValueError as error:
        raise UsageError(f'invalid argument "{text}" for "--{flag}" flag: {error}') from None
    return {"Path": path, "Rate": number}


def _weight(text: str) -> dict[str, Any]:
    path, colon, weight = text.rpartition(":")
    what = f'invalid argument "{text}" for "--blkio-weight-device" flag'
    if not colon:
        raise UsageError(f"{what}: bad format: {text}")
    if not path.startswith("/dev/"):
        raise UsageError(f"{what}: bad format for device path: {text}")
    if not weight.isdigit() or not (int(weight) == 0 or 10 <= int(weight) <= 1000):
        raise UsageError(f"{what}: invalid weight for device: {text}")
    return {"Path": path, "Weight": int(weight)}


def _ulimit(text: str) -> dict[str, Any]:
    name, equals, value = text.partition("=")
    try:
        if not equals:
            raise ValueError(f"invalid ulimit argument: {text}")
        if name not in _ULIMITS:
            raise ValueError(f"invalid ulimit type: {name}")
        parts = value.split(":")
        if len(parts) > 2:
            raise ValueError(
                f"too many limit value arguments - {value}, can only have up to two, `soft[:hard]`"
            )
        numbers = [_limit_number(part) for part in parts]
        soft, hard = numbers[0], numbers[-1]
        if hard != -1 and (soft == -1 or soft > hard):
            raise ValueError(f"ulimit soft limit must be less than or equal to hard limit: {soft} > {hard}")
    except ValueError as error:
        raise UsageError(f'invalid argument "{text}" for "--ulimit" flag: {error}') from None
    return {"Name": name, "Soft": soft, "Hard": hard}


def _limit_number(text: str) -> int:
    if text == "unlimited":
        return -1
    try:
        return int(text)
    except ValueError:
        raise ValueError(f'parsing "{text}": invalid syntax') from None


def _device_rule(text: str) -> str:
    parts = text.split(" ")
    numbers = parts[1].split(":") if len(parts) == 3 else []
    if (
        len(numbers) != 2
        or parts[0] not in ("a", "b", "c")
        or not all(number == "*" or number.isdigit() for number in numbers)
        or not 0 < len(parts[2]) <= 3
        or not set(parts[2]) <= set("rwm")
    ):
        flag = f'invalid argument "{text}" for "--device-cgroup-rule" flag'
        raise UsageError(f"{flag}: invalid device cgroup format '{text}'")
    return text
