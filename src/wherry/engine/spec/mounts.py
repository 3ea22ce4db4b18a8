"""`mounts`: what every container has, then the user's own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from wherry.engine.models import HostConfig
from wherry.engine.spec import modes

if TYPE_CHECKING:
    from wherry.engine.containers.record import PlannedMount

_SHM = 64 << 20

_SAFE = ["nosuid", "noexec", "nodev"]


def mounts(
    host: HostConfig,
    planned: Sequence[PlannedMount],
    *,
    files: dict[str, str],
    devices: list[tuple[str, str]] | None = None,
    shm: str = "",
    idmap: bool = False,
    on_host: bool = False,
    cgroups_writable: bool = False,
) -> list[dict[str, Any]]:
    """All of them, in the order in which they are made.

    `files`: host path by the path in the container, for resolv.conf and its like. `devices`: host
    path and path in the container of device nodes to be bound. `shm`: the host directory
    that containers with a common IPC namespace share as /dev/shm. `idmap`: binds show their files' own ids
    inside the container's user namespace. `on_host`: it shares the machine's user namespace.
    """
    listed = [*_standard(host, shm, on_host, cgroups_writable)]
    own = {mount.target.rstrip("/") or "/" for mount in planned} | {
        target.rstrip("/") or "/" for target in host.tmpfs or {}
    }
    listed = [entry for entry in listed if entry["destination"] not in own]
    bound = ["rbind", "rprivate", *(["idmap"] if idmap else [])]
    for target, source in files.items():
        if target not in own:
            listed.append(_entry(target, "bind", source, bound))
    for source, target in devices or ():
        listed.append(_entry(target, "bind", source, ["bind", "rprivate", "nosuid", "noexec"]))
    # images are part of the root (`image_mounts.layers`)
    users = [_planned(mount, idmap) for mount in planned if mount.kind != "image"]
    users += [_tmpfs(target, options or "") for target, options in (host.tmpfs or {}).items()]
    # a mount has to come before those below it
    return listed + sorted(users, key=lambda entry: str(entry["destination"]).rstrip("/").count("/"))


def _entry(target: str, kind: str, source: str, options: list[str]) -> dict[str, Any]:
    return {"destination": target, "type": kind, "source": source, "options": options}


def _standard(host: HostConfig, shm: str, on_host: bool, cgroups_writable: bool) -> list[dict[str, Any]]:
    read_only = [] if host.privileged else ["ro"]
    cgroups = [] if host.privileged or cgroups_writable else ["ro"]
    terminals = [*_SAFE[:2], "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]
    listed = [
        _entry("/proc", "proc", "proc", _SAFE),
        _entry("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
        _entry("/dev/pts", "devpts", "devpts", terminals),
        _entry("/sys", "sysfs", "sysfs", [*_SAFE, *read_only]),
        _entry("/sys/fs/cgroup", "cgroup", "cgroup", [*cgroups, *_SAFE]),
    ]
    ipc = modes.parse("ipc", host.ipc_mode)
    if on_host or not ipc.host:
        listed.append(_entry("/dev/mqueue", "mqueue", "mqueue", _SAFE))
    elif os.path.isdir("/dev/mqueue"):
        # the machine's may be shown, but not mounted by anyone else
        listed.append(_bind_of_host("/dev/mqueue"))
    if ipc.host:
        return [*listed, _bind_of_host("/dev/shm")]
    if shm and (ipc.container or ipc.word == "shareable"):
        listed.append(_entry("/dev/shm", "bind", shm, ["bind", "rprivate", "rw", *_SAFE]))
    elif ipc.word != "none":
        options = [*_SAFE, "mode=1777", f"size={host.shm_size or _SHM}"]
        listed.append(_entry("/dev/shm", "tmpfs", "shm", options))
    return listed


def _bind_of_host(path: str) -> dict[str, Any]:
    return _entry(path, "bind", path, ["rbind", "rprivate"])


def _planned(mount: PlannedMount, idmap: bool) -> dict[str, Any]:
    if mount.kind == "tmpfs":
        words = list(mount.options)
        if mount.size:
            words.append(f"size={mount.size}")
        if mount.permissions:
            words.append(f"mode={mount.permissions:o}")
        if mount.read_only:
            words.append("ro")
        return _tmpfs(mount.target, ",".join(words))
    options = ["bind" if mount.non_recursive else "rbind"]
    if mount.read_only:
        # read-only all the way down, unless only the top was meant
        options.append("ro" if mount.read_only_non_recursive or mount.non_recursive else "rro")
    options.append(mount.propagation or "rprivate")
    if idmap:
        options.append("idmap" if mount.non_recursive else "ridmap")
    if mount.subpath:
        options.append(f"subpath={mount.subpath}")  # not a path: a container may have put links there
    return _entry(mount.target, "bind", mount.source, options)


def _tmpfs(target: str, options: str) -> dict[str, Any]:
    given = [word for word in options.split(",") if word]
    # a later word wins over these
    return _entry(target, "tmpfs", "tmpfs", [*_SAFE, "rprivate", *given])
