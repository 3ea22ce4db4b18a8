"""`--device` and the machine's devices for `--privileged`: device nodes to make, and rules for the cgroup."""

from __future__ import annotations

import os
import stat
from typing import Any, NamedTuple

from wherry.engine.models import DeviceMapping, HostConfig
from wherry.errors import Invalid

# below /dev, what isn't the machine's devices
_NOT_DEVICES = frozenset({"pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev"})

# what a container on the machine's own user namespace may touch: make any node, use these
_RULES: list[dict[str, Any]] = [
    {"allow": False, "access": "rwm"},
    {"allow": True, "type": "c", "access": "m"},
    {"allow": True, "type": "b", "access": "m"},
    *(
        {"allow": True, "type": "c", "major": major, "minor": minor, "access": "rwm"}
        for major, minor in ((1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 2))
    ),
    {"allow": True, "type": "c", "major": 136, "access": "rwm"},
]


class Devices(NamedTuple):
    """`nodes` for `linux.devices`; `rules` for `linux.resources.devices`, none where a user namespace does
    their work; `binds` (host path, path inside) instead of nodes where none can be made."""

    nodes: list[dict[str, Any]]
    rules: list[dict[str, Any]]
    binds: list[tuple[str, str]]


def devices(host: HostConfig, *, on_host: bool, rootless: bool = False) -> Devices:
    """`on_host`: the container shares the engine's user namespace. Raises Invalid for what is no device."""
    if host.privileged:
        nodes = _all_devices() if on_host and not rootless else []
        return Devices(nodes, [{"allow": True, "access": "rwm"}], [])
    nodes = []
    rules: list[dict[str, Any]] = []
    binds: list[tuple[str, str]] = []
    partial = False
    for mapping in host.devices or ():
        access = mapping.cgroup_permissions or "rwm"
        if not set(access) <= set("rwm"):
            raise Invalid(f"invalid device mode: {access}")
        for path, node in _mapped(mapping):
            nodes.append(node)
            binds.append((path, node["path"]))
            rule = {key: node[key] for key in ("type", "major", "minor")}
            rules.append({"allow": True, **rule, "access": access})
            # to read and write is all that a node in the container's own namespace could be used for
            partial = partial or not {"r", "w"} <= set(access)
    rules += [_rule(text) for text in host.device_cgroup_rules or ()]
    ruled = (on_host and not rootless) or partial or bool(host.device_cgroup_rules)
    return Devices([] if rootless else nodes, [*_RULES, *rules] if ruled else [], binds if rootless else [])


def _mapped(mapping: DeviceMapping) -> list[tuple[str, dict[str, Any]]]:
    """One device, or all of a directory: host path and node."""
    source = os.path.realpath(mapping.path_on_host)
    target = mapping.path_in_container or mapping.path_on_host
    if not target.startswith("/"):
        raise Invalid(f"{target} is not an absolute path")
    words = f'error gathering device information while adding custom device "{mapping.path_on_host}"'
    try:
        status = os.stat(source)
    except OSError as error:
        raise Invalid(f"{words}: {(error.strerror or '').lower()}") from None
    if stat.S_ISDIR(status.st_mode):
        found = []
        for folder, _, names in sorted(os.walk(source)):
            for name in sorted(names):
                path = os.path.join(folder, name)
                node = _node(path, os.path.join(target, os.path.relpath(path, source)))
                if node is not None:
                    found.append((path, node))
        return found
    node = _node(source, target)
    if node is None:
        raise Invalid(f"{words}: not a device node")
    return [(source, node)]


def _node(path: str, target: str) -> dict[str, Any] | None:
    try:
        status = os.lstat(path)
    except OSError:
        return None
    kind = {stat.S_IFCHR: "c", stat.S_IFBLK: "b"}.get(stat.S_IFMT(status.st_mode))
    if kind is None:
        return None
    return {
        "path": os.path.normpath(target),
        "type": kind,
        "major": os.major(status.st_rdev),
        "minor": os.minor(status.st_rdev),
        "fileMode": stat.S_IMODE(status.st_mode),
    }


def _all_devices() -> list[dict[str, Any]]:
    found = []
    for folder, folders, names in os.walk("/dev"):
        if folder == "/dev":
            folders[:] = [name for name in folders if name not in _NOT_DEVICES]
        for name in names:
            path = os.path.join(folder, name)
            node = _node(path, path) if path not in ("/dev/console", "/dev/tty", "/dev/ptmx") else None
            if node is not None:
                found.append(node)
    return sorted(found, key=lambda node: str(node["path"]))


def _rule(text: str) -> dict[str, Any]:
    """ "c 1:3 rwm", "b *:* m", "a" as `--device-cgroup-rule` takes them."""
    words = text.split()
    refused = Invalid(f"invalid device cgroup rule format: '{text}'")
    if len(words) != 3 or words[0] not in ("a", "b", "c") or not words[2] or not set(words[2]) <= set("rwm"):
        raise refused
    rule: dict[str, Any] = {"allow": True, "type": words[0], "access": words[2]}
    numbers = words[1].split(":")
    if len(numbers) != 2:
        raise refused
    for name, number in zip(("major", "minor"), numbers, strict=True):
        if number == "*":
            continue
        if not number.isdecimal():
            raise refused
        rule[name] = int(number)
    return rule
