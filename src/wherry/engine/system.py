"""The engine and its machine, described."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from wherry import __version__
from wherry.linux import cgroups

from .containers.record import PAUSED, RESTARTING, RUNNING
from .identity import short
from .logdrivers.options import DRIVERS as LOG_DRIVERS
from .models import (
    Component,
    DiskUsage,
    Info,
    Platform,
    PluginsInfo,
    RuntimeInfo,
    Version,
)
from .moments import now, rfc3339

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from .containers.room import Room
    from .images import Images

_BUILT = "2026-11-24T00:00:00.000000000+00:00"


class System:
    """Answers of `info`, `version` and `system df`."""

    def __init__(self, room: Room, images: Images) -> None:
        self._room = room
        self._images = images
        self.build_cache: Callable[[], Awaitable[list[dict[str, Any]]]] | None = None
        """What builds have cached, as Docker shows it; set by the engine."""

    async def info(self) -> Info:
        """Counts, limits that this machine honours, and warnings."""
        room = self._room
        states = [container.condition.status for container in room.registry]
        running = states.count(RUNNING) + states.count(RESTARTING)
        images = await asyncio.to_thread(room.store.images.list)
        hierarchies = cgroups.hierarchies()
        have = hierarchies.controllers | frozenset(hierarchies.legacy)
        machine = room.machine
        info = Info(
            id=short(str(os.stat(room.state_dir).st_ino)),
            containers=len(states),
            containers_running=running,
            containers_paused=states.count(PAUSED),
            containers_stopped=len(states) - running - states.count(PAUSED),
            images=len(images),
            driver="overlay",
            driver_status=[["Backing Filesystem", _filesystem(room.state_dir)]],
            plugins=PluginsInfo(
                volume=["local"],
                network=["bridge", "host", "null"],
                log=[name for name in LOG_DRIVERS if name != "cri"],
            ),
            memory_limit="memory" in have,
            swap_limit="memory" in have,
            cpu_cfs_period="cpu" in have,
            cpu_cfs_quota="cpu" in have,
            cpu_shares="cpu" in have,
            cpu_set="cpuset" in have,
            pids_limit="pids" in have,
            oom_kill_disable=hierarchies.version == 1,
            ipv4_forwarding=_flag("/proc/sys/net/ipv4/ip_forward"),
            debug=bool(os.environ.get("WHERRY_DEBUG")),
            nfd=len(os.listdir("/proc/self/fd")),
            system_time=rfc3339(now()),
            cgroup_driver="none" if machine.rootless and not have else "cgroupfs",
            cgroup_version="2" if hierarchies.version == 2 else "1",
            nevents_listener=room.events.listeners,
            kernel_version=machine.kernel,
            operating_system=_operating_system()[0],
            os_version=_operating_system()[1],
            architecture=machine.uname_machine,
            ncpu=len(os.sched_getaffinity(0)),
            mem_total=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            docker_root_dir=room.state_dir,
            name=machine.hostname,
            server_version=__version__,
            runtimes={name: RuntimeInfo(path=path) for name, path in room.settings.runtimes.items()},
            security_options=_security(rootless=machine.rootless),
        )
        info.warnings = [
            f"WARNING: No {name} limit support" for name in ("memory", "cpu", "pids") if name not in have
        ] or None
        return info

    async def version(self) -> Version:
        """Versions; `api_version` and `min_api_version` are filled in by the API."""
        machine = self._room.machine
        return Version(
            platform=Platform(name="wherry"),
            components=[
                Component(
                    name="Engine",
                    version=__version__,
                    details={
                        "Arch": machine.architecture,
                        "KernelVersion": machine.kernel,
                        "Os": "linux",
                        "BuildTime": _BUILT,
                        "Experimental": "false",
                    },
                )
            ],
            version=__version__,
            arch=machine.architecture,
            kernel_version=machine.kernel,
            build_time=_BUILT,
            git_commit="",
            go_version="",
        )

    async def disk_usage(self, *, types: frozenset[str] = frozenset()) -> DiskUsage:
        """Sizes of what is kept, measured now; `types` of "container", "image", "volume", "build-cache"
        (empty: all)."""
        from .containers import listing, sizes

        room = self._room
        usage = DiskUsage()
        if not types or "image" in types:
            usage.images = list(await self._images.list(show_all=True, shared_size=True))
            usage.layers_size = await asyncio.to_thread(room.store.layers.disk_usage)
            usage.layers_size += await asyncio.to_thread(room.store.blobs.arrivals.usage)
        if not types or "container" in types:
            names: dict[str, str] = {}
            for container in room.registry:
                item = listing.summary(room, container, names)
                item.size_rw, item.size_root_fs = await asyncio.to_thread(sizes.measure, room, container)
                usage.containers.append(item)
        if not types or "volume" in types:
            usage.volumes = list(await room.volumes.with_sizes())
        if (not types or "build-cache" in types) and self.build_cache is not None:
            usage.build_cache = await self.build_cache()
        return usage


def _operating_system() -> tuple[str, str]:
    name, version = "Linux", ""
    try:
        with open("/etc/os-release", encoding="utf-8") as file:
            for line in file:
                key, _, value = line.strip().partition("=")
                if key == "PRETTY_NAME":
                    name = value.strip('"')
                elif key == "VERSION_ID":
                    version = value.strip('"')
    except OSError:
        pass
    return name, version


def _filesystem(path: str) -> str:
    """The type of the file system that holds `path` (proc_pid_mountinfo(5))."""
    device = os.stat(path).st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            fields, _, rest = line.partition(" - ")
            if fields.split()[2] == wanted:
                return rest.split()[0]
    return "unknown"


def _flag(path: str) -> bool:
    try:
        with open(path, encoding="ascii") as file:
            return file.read().strip() == "1"
    except OSError:
        return False


def _security(*, rootless: bool) -> list[str]:
    options = ["name=seccomp,profile=builtin", "name=userns"]
    if os.path.exists("/sys/module/apparmor/parameters/enabled") and _yes():
        options.insert(0, "name=apparmor")
    if rootless:
        options.append("name=rootless")
    if cgroups.hierarchies().version == 2:
        options.append("name=cgroupns")
    return options


def _yes() -> bool:
    with open("/sys/module/apparmor/parameters/enabled", encoding="ascii") as file:
        return file.read().strip() == "Y"
