"""Volumes of the `local` driver that are more than a directory: `type`, `device` and `o` as in mount(8)."""

from __future__ import annotations

import errno
import os
import socket

from wherry.errors import Invalid, Unavailable, Unsupported
from wherry.linux import mounts

_KNOWN = ("type", "device", "o", "size")
_ATTRIBUTES = {"nosuid": mounts.NOSUID, "nodev": mounts.NODEV, "noexec": mounts.NOEXEC, "ro": mounts.RDONLY}
# mount(2), include/uapi/linux/mount.h
_FLAGS = {
    "ro": 1, "nosuid": 2, "nodev": 4, "noexec": 8, "sync": 16, "dirsync": 128, "noatime": 1024,
    "nodiratime": 2048, "relatime": 1 << 21, "strictatime": 1 << 24, "lazytime": 1 << 25,
}  # fmt: skip
_DEFAULTS = frozenset({"defaults", "rw", "suid", "dev", "exec", "async", "atime", "diratime", "auto"})
_REMOTE = frozenset({"nfs", "nfs4", "cifs", "smb3"})


def is_bind(options: dict[str, str]) -> bool:
    """Whether a volume is a directory of the machine's."""
    words = options.get("o", "").split(",")
    return "bind" in words or "rbind" in words


def check(name: str, options: dict[str, str]) -> None:
    """Raise `Invalid` or `Unsupported` for options that can't be meant, in Docker's words."""
    for option in options:
        if option not in _KNOWN:
            raise Invalid(f'create {name}: invalid option: "{option}"')
    if "size" in options:
        raise Unsupported(
            f"create {name}: quota size requested but no quota support",
            hint="a volume of type tmpfs takes its size in o=size=…",
        )
    if is_bind(options):
        if not options.get("device", "").startswith("/"):
            raise Invalid(f"create {name}: missing device in volume options")
        return
    for option in ("type", "device"):
        if not options.get(option) and not (option == "device" and options.get("type") == "tmpfs"):
            raise Invalid(f'create {name}: missing required option: "{option}"')


def mount(name: str, place: str, options: dict[str, str]) -> None:
    """Mount a volume's file system at its directory. Blocks, for a server that is away for minutes.

    Raises `Invalid` for what the kernel refuses, `Unsupported` where it may not be mounted at all.
    """
    try:
        if options.get("type") == "tmpfs":
            _mount_tmpfs(place, options)
        else:
            _mount_other(place, options)
    except OSError as error:
        kind, device = options["type"], options.get("device", "")
        said = f"error while mounting volume '{name}': failed to mount local volume"
        detail = f"mount {device}:{place}: {(error.strerror or '').lower()}"
        if error.errno == errno.EPERM:
            raise Unsupported(
                f"{said}: {detail}",
                hint=f"only an engine of root's may mount {kind}; mount it on the machine and use o=bind",
            ) from None
        if error.errno == errno.ENODEV:
            raise Unsupported(f"{said}: {detail}", hint=f"this kernel has no {kind}") from None
        raise Invalid(f"{said}: {detail}") from None


def _mount_tmpfs(place: str, options: dict[str, str]) -> None:
    given: dict[str, str | None] = {"source": options.get("device") or "tmpfs"}
    attributes = 0
    for word in filter(None, options.get("o", "").split(",")):
        key, equals, value = word.partition("=")
        if word in _ATTRIBUTES:
            attributes |= _ATTRIBUTES[word]
        elif word not in _DEFAULTS:
            given[key] = value if equals else None
    made = mounts.new("tmpfs", given, attributes)
    target = os.open(place, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        mounts.attach(made, target)
    finally:
        os.close(target)
        os.close(made)


def _mount_other(place: str, options: dict[str, str]) -> None:
    """By mount(2), whose text of options file systems such as NFS still read by themselves."""
    flags, data = 0, []
    for word in filter(None, options.get("o", "").split(",")):
        key, _, value = word.partition("=")
        if word in _FLAGS:
            flags |= _FLAGS[word]
        elif key == "addr" and options["type"] in _REMOTE:
            data.append(f"addr={_address(value)}")
        elif word not in _DEFAULTS:
            data.append(word)
    mounts.legacy_mount(options["device"], place, options["type"], flags, ",".join(data))


def _address(host: str) -> str:
    """The kernel wants an address where people write a name."""
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    except OSError as error:
        raise Unavailable(f"error resolving passed in network volume address: {host}: {error}") from None
