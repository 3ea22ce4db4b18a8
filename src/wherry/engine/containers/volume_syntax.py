"""Docker's short syntax for mounts, `source:target:options`, and what an option means."""

from __future__ import annotations

import posixpath

from wherry.errors import Invalid

from .record import PlannedMount

PROPAGATIONS = frozenset({"private", "rprivate", "shared", "rshared", "slave", "rslave"})
_VOLUME_FIRST = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_VOLUME_REST = _VOLUME_FIRST | frozenset("_.-")


def parse_bind(text: str) -> PlannedMount:
    """One `-v` as the API carries it: a bind when the source is a path, a volume when it is a name.

    Raises `Invalid` in Docker's words.
    """
    parts = text.split(":")
    if len(parts) > 3 or not all(parts):
        raise Invalid(f"invalid volume specification: '{text}'")
    if len(parts) == 1:
        return PlannedMount("volume", check_target(parts[0], text), anonymous=True)
    source, target = parts[0], check_target(parts[1], text)
    kind = "bind" if source.startswith("/") else "volume"
    mount = PlannedMount(kind, target, mode=parts[2] if len(parts) == 3 else "")
    if kind == "bind":
        mount.source = posixpath.normpath(source)
        mount.create_source = True
    else:
        mount.volume = check_volume_name(source)
    for option in filter(None, mount.mode.split(",")):
        _apply(mount, option, text)
    return mount


def _apply(mount: PlannedMount, option: str, text: str) -> None:
    if option == "ro":
        mount.read_only = True
    elif option == "rw":
        mount.read_only = False
    elif option in PROPAGATIONS and mount.kind == "bind":
        mount.propagation = option
    elif option == "nocopy" and mount.kind == "volume":
        mount.no_copy = True
    elif option in ("z", "Z", "consistent", "cached", "delegated"):
        pass  # SELinux labels are not in use here, and the rest are hints for Docker Desktop
    else:
        raise Invalid(f"invalid mode: {mount.mode}", hint=f"in '{text}'")


def check_target(target: str, text: str) -> str:
    """The place inside, made canonical. Raises `Invalid` unless it is absolute and not the root."""
    if not target.startswith("/"):
        raise Invalid(
            f"invalid volume specification: '{text}': invalid mount config: invalid mount path: "
            f"'{target}' mount path must be absolute"
        )
    clean = posixpath.normpath("/" + target.lstrip("/"))
    if clean == "/":
        raise Invalid(
            f"invalid volume specification: '{text}': invalid mount config: invalid specification: "
            "destination can't be '/'"
        )
    return clean


def check_volume_name(name: str) -> str:
    """Raise `Invalid`, in Docker's words, unless `name` may be a volume's."""
    if len(name) < 2 or name[0] not in _VOLUME_FIRST or not _VOLUME_REST.issuperset(name):
        raise Invalid(
            f'create {name}: "{name}" includes invalid characters for a local volume name, only '
            '"[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use '
            "absolute path"
        )
    return name
