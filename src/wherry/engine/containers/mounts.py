"""Which mounts a container has: worked out from volumes-from, binds, mounts and the image's volumes."""

from __future__ import annotations

import os
from collections.abc import Callable

from wherry.errors import Invalid, NotFound

from ..models import ContainerConfig, HostConfig, Mount, MountPoint
from ..volumes import StoredVolume, Volumes
from .record import PlannedMount
from .registry import Container
from .volume_syntax import PROPAGATIONS, check_target, check_volume_name, parse_bind


def plan_mounts(
    config: ContainerConfig, host: HostConfig, find: Callable[[str], Container]
) -> list[PlannedMount]:
    """All mounts, by target; nothing is made yet. `find` looks a container up, for `--volumes-from`.

    Binds and mounts go before volumes-from, those before the volumes of the image. Raises `Invalid` in
    Docker's words, `NotFound`.
    """
    asked: dict[str, PlannedMount] = {}
    for mount in (
        *(parse_bind(text) for text in host.binds or ()),
        *(from_mount(item) for item in host.mounts or ()),
    ):
        if mount.target in asked or mount.target in (host.tmpfs or {}):
            raise Invalid(f"Duplicate mount point: {mount.target}")
        asked[mount.target] = mount
    planned = {mount.target: mount for text in host.volumes_from or () for mount in _inherited(text, find)}
    planned.update(asked)
    for path in config.volumes or ():
        target = check_target(path, path)
        if target not in planned and target not in (host.tmpfs or {}):
            planned[target] = PlannedMount("volume", target, anonymous=True)
    return sorted(planned.values(), key=lambda mount: mount.target)


def make_volumes(planned: list[PlannedMount], host: HostConfig, volumes: Volumes) -> list[StoredVolume]:
    """See to it that every volume exists, and set the mounts' sources; returns those made just now."""
    labels = {item.target: item.volume_options for item in host.mounts or () if item.type == "volume"}
    made = []
    for mount in planned:
        if mount.kind != "volume":
            continue
        options = labels.get(mount.target)
        driver = options.driver_config if options is not None else None
        volume = volumes.ensure(
            mount.volume,
            driver=(driver.name if driver is not None else "") or host.volume_driver,
            labels=options.labels if options is not None else None,
            options=driver.options if driver is not None else None,
        )
        if volume.fresh:
            made.append(volume)
        mount.volume = volume.name
        mount.source = volumes.path(volume.name)
    return made


def from_mount(mount: Mount) -> PlannedMount:
    """One `--mount`. Raises `Invalid`."""
    kind = mount.type
    if kind not in ("bind", "volume", "tmpfs", "image"):
        raise _invalid(kind, "mount type unknown")
    if not mount.target:
        raise _invalid(kind, "field Target must not be empty")
    target = check_target(mount.target, mount.target)
    planned = PlannedMount(kind, target, read_only=mount.read_only)
    if kind == "bind":
        _bind(planned, mount)
    elif kind == "volume":
        planned.mode = "z"  # as Docker shows it of every volume that `--mount` asked for
        if mount.source:
            planned.volume = check_volume_name(mount.source)
        else:
            planned.anonymous = True
        if mount.volume_options is not None:
            planned.no_copy = mount.volume_options.no_copy
            planned.subpath = _relative(kind, mount.volume_options.subpath)
    elif kind == "image":
        if not mount.source:
            raise _invalid(kind, "field Source must not be empty")
        planned.source, planned.read_only = mount.source, True
        if mount.image_options is not None:
            planned.subpath = _relative(kind, mount.image_options.subpath)
    else:
        if mount.source:
            raise _invalid(kind, "field Source must not be specified")
        if mount.tmpfs_options is not None:
            planned.size = mount.tmpfs_options.size_bytes
            planned.permissions = mount.tmpfs_options.mode
            planned.options = ["=".join(option) for option in mount.tmpfs_options.options or ()]
    return planned


def _bind(planned: PlannedMount, mount: Mount) -> None:
    if not mount.source:
        raise _invalid("bind", "field Source must not be empty")
    if not mount.source.startswith("/"):
        raise _invalid("bind", f"invalid mount path: '{mount.source}' mount path must be absolute")
    planned.source = os.path.normpath(mount.source)
    options = mount.bind_options
    if options is not None:
        if options.propagation and options.propagation not in PROPAGATIONS:
            raise _invalid("bind", f"invalid propagation mode: {options.propagation}")
        planned.propagation = options.propagation
        planned.non_recursive = options.non_recursive
        planned.read_only_non_recursive = options.read_only_non_recursive
        planned.create_source = options.create_mountpoint
    if not planned.create_source and not os.path.lexists(planned.source):
        raise _invalid("bind", f"bind source path does not exist: {planned.source}")


def _relative(kind: str, subpath: str) -> str:
    if not subpath:
        return ""
    clean = os.path.normpath(subpath)
    if clean.startswith(("/", "..")):
        raise _invalid(kind, f"subpath must be a relative path within the {kind}: {subpath}")
    return clean


def _inherited(text: str, find: Callable[[str], Container]) -> list[PlannedMount]:
    name, _, mode = text.partition(":")
    if mode not in ("", "ro", "rw", "z", "Z"):
        raise Invalid(f"invalid mode: {mode}")
    try:
        other = find(name)
    except NotFound:
        raise NotFound(f"No such container: {name}") from None
    inherited = []
    for mount in other.plan.mounts:
        if mount.kind in ("bind", "volume"):
            copy = PlannedMount(**{field: getattr(mount, field) for field in mount.__struct_fields__})
            copy.read_only = mount.read_only or mode == "ro"
            copy.anonymous = False  # it belongs to the other container: `--rm` of this one leaves it
            inherited.append(copy)
    return inherited


def shown_mounts(planned: list[PlannedMount], mountpoint: Callable[[str], str]) -> list[MountPoint]:
    """The `Mounts` of `inspect`. `mountpoint` gives a volume's directory."""
    return [
        MountPoint(
            type=mount.kind,
            name=mount.volume,
            source=mountpoint(mount.volume) if mount.kind == "volume" else mount.source,
            destination=mount.target,
            driver="local" if mount.kind == "volume" else "",
            mode=mount.mode or ("z" if mount.kind == "volume" and not mount.anonymous else ""),
            rw=not mount.read_only,
            propagation=(mount.propagation or "rprivate") if mount.kind == "bind" else "",
        )
        for mount in planned
    ]


def _invalid(kind: str, what: str) -> Invalid:
    return Invalid(f'invalid mount config for type "{kind}": {what}')
