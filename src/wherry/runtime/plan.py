"""What is to be done to make a container, worked out from its specification before anything is done.

A plan is pure data: it is made in the caller's process, inherited by the forked ones, and can be printed and
compared in a test. Anything in the specification that this runtime can't do is refused here.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from wherry.errors import Invalid, Unsupported
from wherry.linux import idmaps, mounts, namespaces
from wherry.linux.idmaps import IdMap
from wherry.runtime import mount_options
from wherry.runtime.mount_options import MountOptions


class Layers(NamedTuple):
    """One mount of the root file system: an overlay, or a bind of `lower[0]` when there is no `upper`."""

    overlay: bool
    target: str
    lower: tuple[str, ...]
    upper: str
    work: str
    idmap: bool
    """Show the files' ids as they are on disk inside the container's user namespace."""
    volatile: bool = False
    """Nothing in an overlay waits for the disk (fsync does nothing): it is mounted once, and worthless after
    a power cut (Linux 5.10)."""

    def descriptors(self) -> int:
        """How many descriptors setup hands to init for it: the layers, upper, work and what holds the two."""
        if not self.upper:
            return len(self.lower)
        return len(self.lower) + 3


class Mount(NamedTuple):
    """One mount of `spec.mounts`."""

    kind: str
    source: str
    target: str
    options: MountOptions
    uids: IdMap
    gids: IdMap


class Plan(NamedTuple):
    """Everything about a container that does not depend on descriptors."""

    new: int
    """Clone flags of the namespaces to make."""
    joins: tuple[tuple[int, str], ...]
    """(clone flag, path) of the namespaces to join, the user namespace last."""
    uids: IdMap
    gids: IdMap
    root: tuple[Layers, ...]
    read_only: bool
    propagation: int
    mounts: tuple[Mount, ...]

    def is_identity(self) -> bool:
        """Whether ids mean the same inside as outside."""
        return idmaps.is_identity(self.uids) and idmaps.is_identity(self.gids)

    def descriptors(self) -> int:
        """How many descriptors setup hands to init for the root and the bind mounts."""
        count = sum(1 for mount in self.mounts if mount.kind == "bind")
        return count + sum(layers.descriptors() for layers in self.root)

    def makes(self, flag: int) -> bool:
        """Whether the container gets a new namespace of this kind."""
        return bool(self.new & flag)

    def joins_kind(self, flag: int) -> bool:
        """Whether the container joins a namespace of this kind that exists."""
        return any(kind == flag for kind, _path in self.joins)

    def shares_host(self, flag: int) -> bool:
        """Whether the container stays in the runtime's own namespace of this kind."""
        return not self.makes(flag) and not self.joins_kind(flag)


_ROOT_PROPAGATION = {
    "": mounts.SLAVE | mounts.MS_REC,
    "private": mounts.PRIVATE,
    "rprivate": mounts.PRIVATE | mounts.MS_REC,
    "slave": mounts.SLAVE,
    "rslave": mounts.SLAVE | mounts.MS_REC,
    "shared": mounts.SHARED,
    "rshared": mounts.SHARED | mounts.MS_REC,
    "unbindable": mounts.UNBINDABLE,
    "runbindable": mounts.UNBINDABLE | mounts.MS_REC,
}


def of(spec: dict[str, Any], rootfs: dict[str, Any]) -> Plan:
    """The plan for `spec` on `rootfs` (the mounts a snapshot hands out). Raises Invalid or Unsupported."""
    linux = spec.get("linux") or {}
    _refuse(spec, linux)
    new, joins = _namespaces(linux.get("namespaces") or ())
    uids = idmaps.from_specification(linux.get("uidMappings"))
    gids = idmaps.from_specification(linux.get("gidMappings"))
    if new & namespaces.NEWUSER and not (uids and gids):
        raise Invalid("a new user namespace needs linux.uidMappings and linux.gidMappings")
    if not new & namespaces.NEWUSER:
        uids, gids = _joined_maps(joins, uids, gids)
    if not new & namespaces.NEWNS:
        raise Unsupported("a container without a mount namespace of its own is not supported")
    root = spec.get("root") or {}
    propagation = linux.get("rootfsPropagation") or ""
    if propagation not in _ROOT_PROPAGATION:
        raise Invalid(f"unknown rootfsPropagation {propagation!r}")
    identity = idmaps.is_identity(uids) and idmaps.is_identity(gids)
    return Plan(
        new,
        joins,
        uids,
        gids,
        tuple(_layers(entry, identity) for entry in rootfs.get("mounts") or ()),
        bool(root.get("readonly") or rootfs.get("readonly")),
        _ROOT_PROPAGATION[propagation],
        tuple(_mount(entry, uids, gids) for entry in spec.get("mounts") or ()),
    )


def _refuse(spec: dict[str, Any], linux: dict[str, Any]) -> None:
    if not spec.get("process"):
        raise Invalid("the specification has no process")
    for key, what in (
        ("intelRdt", "cache and memory bandwidth allocation (linux.intelRdt)"),
        ("netDevices", "moving network devices (linux.netDevices)"),
        ("memoryPolicy", "a NUMA memory policy (linux.memoryPolicy)"),
    ):
        if linux.get(key):
            raise Unsupported(f"{what} is not supported")
    for key in ("windows", "solaris", "vm", "zos"):
        if spec.get(key):
            raise Unsupported(f"a specification for {key} is not supported")


def _namespaces(listed: Any) -> tuple[int, tuple[tuple[int, str], ...]]:
    new = 0
    joins: list[tuple[int, str]] = []
    seen: set[str] = set()
    for entry in listed:
        kind = entry.get("type")
        if kind not in namespaces.KINDS:
            raise Invalid(f"unknown namespace type {kind!r}")
        if kind in seen:
            raise Invalid(f"namespace type {kind!r} is listed twice")
        seen.add(kind)
        flag = namespaces.KINDS[kind][0]
        if entry.get("path"):
            joins.append((flag, entry["path"]))
        else:
            new |= flag
    # With the user namespace last, the others are still joined with the privileges outside it.
    joins.sort(key=lambda join: join[0] == namespaces.NEWUSER)
    return new, tuple(joins)


def _joined_maps(joins: Any, uids: IdMap, gids: IdMap) -> tuple[IdMap, IdMap]:
    """The maps of the user namespace that is joined; none at all without one."""
    for flag, path in joins:
        if flag == namespaces.NEWUSER:
            if uids or not (path.startswith("/proc/") and path.endswith("/ns/user")):
                return uids, gids
            process = path[: -len("/ns/user")]
            return idmaps.read(f"{process}/uid_map"), idmaps.read(f"{process}/gid_map")
    return (), ()


def _layers(entry: dict[str, Any], identity: bool) -> Layers:
    kind = entry.get("type")
    idmap = bool(entry.get("idmap", True)) and not identity
    if kind == "overlay":
        lower = tuple(entry.get("lower") or ())
        if not lower:
            raise Invalid("an overlay needs at least one lower directory")
        upper, work = entry.get("upper") or "", entry.get("work") or ""
        return Layers(True, entry["target"], lower, upper, work, idmap, volatile=bool(entry.get("volatile")))
    if kind == "bind":
        return Layers(False, entry["target"], (entry["source"],), "", "", idmap)
    raise Invalid(f"unknown root file system mount type {kind!r}")


def _mount(entry: dict[str, Any], uids: IdMap, gids: IdMap) -> Mount:
    options = mount_options.parse(entry.get("options") or ())
    kind = entry.get("type") or ""
    if options.bind or kind in ("bind", "rbind"):
        if not options.bind:
            options = options._replace(bind=True, recursive=kind == "rbind")
        kind = "bind"
    if not kind:
        raise Invalid(f"mount of {entry.get('destination')!r} has no type")
    own_uids = idmaps.from_specification(entry.get("uidMappings"))
    own_gids = idmaps.from_specification(entry.get("gidMappings"))
    if own_uids and (own_uids, own_gids) != (uids, gids):
        raise Unsupported(f"mount of {entry['destination']!r} with id mappings other than the container's")
    if own_uids and not options.idmap:
        options = options._replace(idmap=True, idmap_recursive=options.recursive)
    target = entry.get("destination") or ""
    if not target.startswith("/"):
        target = "/" + target  # relative destinations are deprecated, and mean the root
    return Mount(kind, entry.get("source") or "", target, options, own_uids, own_gids)
